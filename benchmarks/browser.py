"""Captions of the page in `examples/web` beside those of the captioner, and the page's speed and size.

    python benchmarks/browser.py --run everyday --seconds 10 --bank sound_bank ESC-50 --scenes 100

Composes scenes of 3 to `--seconds` seconds from the test sounds of a bank, exports the run with its own search, builds
the page and gives it every scene as a WAV file, in headless Chromium. Prints the share of captions that equal those of
`Captioner.caption`; the time per scene, which for a model of fixed shapes does not depend on the length; the seconds
until the page is ready; and the size of a visitor's download. `--sounds` takes sound files instead of scenes, of which
both caption the first `--seconds` seconds; they may have other sample rates, from which the page resamples. Needs
Chromium, playwright, and LiteRT.js (`npm ci --prefix examples/web`).
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests"), str(ROOT / "examples" / "web")]

import build_page  # noqa: E402
import numpy as np  # noqa: E402
import soundfile  # noqa: E402
import web_page  # noqa: E402

import aac_tf  # noqa: E402, F401 - selects the Keras to use, before TensorFlow is imported
from aac_tf import Captioner  # noqa: E402
from aac_tf.export.lite import export_lite  # noqa: E402
from aac_tf.scenes.banks import FolderBank, SyntheticBank  # noqa: E402
from aac_tf.scenes.corpus import write_scenes  # noqa: E402


def sounds_of(options, captioner, folder):
    """Paths of the sound files to caption, as the page gets them."""
    if not options.sounds:
        rate = captioner.spec.sample_rate
        bank = FolderBank(options.bank, rate) if options.bank else SyntheticBank()
        limits = {"min_seconds": min(3.0, options.seconds), "max_seconds": options.seconds}
        root = write_scenes(folder / "scenes", bank, {"test": options.scenes}, seed=options.seed, **limits)
        return sorted((root / "test").glob("*.wav"))
    cut = []
    for number, path in enumerate(options.sounds):
        waveform, rate = soundfile.read(path)
        cut.append(folder / f"{number:04}.wav")
        soundfile.write(cut[-1], waveform[: round(options.seconds * rate)], rate, "FLOAT")
    return cut


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="everyday", help="trained run (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of the model (default: %(default)g)")
    parser.add_argument("--bank", nargs="+", help="folders of labelled sounds (default: synthetic sounds)")
    parser.add_argument("--scenes", type=int, default=100, help="number of scenes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the scenes (default: %(default)s)")
    parser.add_argument("--sounds", nargs="+", help="sound files, instead of scenes")
    parser.add_argument(
        "--model", type=pathlib.Path, help="the run as exported with --run-search, instead of a new export"
    )
    options = parser.parse_args()
    if web_page.missing():
        sys.exit(f"error: {web_page.missing()}")
    captioner = Captioner.load(options.run)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model = options.model or folder / "model.tflite"
        if options.model is None:
            export_lite(captioner, model, search=captioner.search, seconds=options.seconds)
        files = build_page.build(model, folder / "page", web_page.MODULES)
        paths = sounds_of(options, captioner, folder)
        expected = [caption.text for caption in captioner.caption(paths)]
        began = time.perf_counter()
        with web_page.opened(folder / "page") as (page, errors):
            web_page.wait_for(page, "ready")
            ready = time.perf_counter() - began
            web_page.caption(page, paths[0])  # warms up
            found = [web_page.caption(page, path) for path in paths]
        if errors:
            sys.exit("\n".join(errors))
    differing = [(text, other) for text, (other, *_) in zip(expected, found) if text != other]
    taken = [milliseconds for *_, milliseconds in found]
    print(
        json.dumps(
            {
                "same_caption": 1 - len(differing) / len(found),
                "sounds": len(found),
                "ms": {"least": min(taken), "median": float(np.median(taken))},
                "ready_s": ready,
                "download_mb": sum(files.values()) / 1e6,
                "differing": differing,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
