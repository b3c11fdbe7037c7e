"""Agreement of LiteRT models with the SavedModel, and their size and speed.

    python benchmarks/tflite.py --run runs/demo [--run runs/other ...] --clips 60

Exports each run as a SavedModel with greedy search and as LiteRT models with 32-bit and 8-bit weights, captions clips
of a split one by one with all models, alternating, and prints a Markdown table: the share of captions that equal those
of the SavedModel, the size on disk, and the time per clip.
"""

import argparse
import pathlib
import tempfile
import time

import aac_tf  # noqa: F401 - selects the Keras to use, before TensorFlow is imported

import numpy as np  # isort: skip
import tensorflow as tf  # isort: skip

from aac_tf import Captioner
from aac_tf.audio import load_audio
from aac_tf.data.preparation import read_clips
from aac_tf.decoding import Greedy
from aac_tf.export.lite import export_lite
from aac_tf.export.saved_model import export_saved_model

COLUMNS = ["run", "model", "threads", "MB", "same caption", "median ms/clip", "95 % ms/clip"]


def megabytes(path):
    """Size of a file or a folder, MB."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def make_models(captioner, folder, threads):
    """{(model, threads): (path, function from a waveform to token ids)}, the SavedModel first."""
    saved = export_saved_model(captioner, folder / "saved_model", search=Greedy())
    signature = tf.saved_model.load(str(saved)).signatures["waveform_to_text"]

    def call(waveform):
        return signature(waveform=waveform[np.newaxis], length=np.array([len(waveform)], np.int32))["tokens"].numpy()[0]

    models = {("SavedModel", "all"): (saved, call)}
    for name, quantize in (("LiteRT, 32 bits", False), ("LiteRT, 8 bits", True)):
        path = folder / f"{quantize}.tflite"
        export_lite(captioner, path, quantize)
        for count in threads:
            runner = tf.lite.Interpreter(str(path), num_threads=count).get_signature_runner()
            models[name, count] = path, lambda waveform, runner=runner: runner(waveform=waveform)["tokens"]
    return models


def table_rows(run, options):
    """Rows of the table for one run."""
    captioner = Captioner.load(run)
    clips = read_clips(captioner.config, options.split)
    sounds = [load_audio(clip.path, captioner.spec.sample_rate)[0].numpy() for clip in list(clips)[: options.clips]]
    with tempfile.TemporaryDirectory() as folder:
        models = make_models(captioner, pathlib.Path(folder), options.threads)
        sizes = {key: megabytes(path) for key, (path, _) in models.items()}
        tokens, times = ({key: [] for key in models} for _ in range(2))
        for number, sound in enumerate([sounds[0], *sounds]):
            for key, (_, call) in models.items():
                began = time.perf_counter()
                found = call(sound)
                if number:  # The first call warms up.
                    times[key].append(1000 * (time.perf_counter() - began))
                    tokens[key].append(found)
    expected = next(iter(tokens.values()))
    for key in models:
        same = np.mean([np.array_equal(*pair) for pair in zip(tokens[key], expected)])
        taken = [np.median(times[key]), np.percentile(times[key], 95)]
        yield [pathlib.Path(run).name, *key, f"{sizes[key]:.2f}", f"{100 * same:.1f} %", *(f"{t:.0f}" for t in taken)]


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="append", required=True, help="folder of a trained run (may be repeated)")
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"))
    parser.add_argument("--clips", type=int, default=60, help="maximum number of clips of the split")
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads of the LiteRT interpreter"
    )
    options = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |\n| --- | --- |" + " ---: |" * (len(COLUMNS) - 2))
    for run in options.run:
        for row in table_rows(run, options):
            print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
