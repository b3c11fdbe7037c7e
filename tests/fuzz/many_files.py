"""Captions thousands of files of all formats, broken ones among them, and accounts for each.

    PYTHONPATH=tests python -m fuzz.many_files --files 2000
    PYTHONPATH=tests python -m fuzz.many_files --files 2000 --sounds clips --run runs/demo

`caption.py` must print one line for each file, and `aac-caption-many` must write one, without a traceback: a caption
for each whole file, and for the others a caption of what can be read of them, or a reason.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import aac_tf  # noqa: F401 - selects the Keras that TensorFlow uses

ROOT = pathlib.Path(__file__).parents[2]
# Formats of whole files: ending, then what `sound_files.encode` or `sound_files.remux` takes.
ENCODED = [
    *[("wav", "WAV", name) for name in ("PCM_16", "PCM_24", "PCM_U8", "FLOAT", "ULAW", "IMA_ADPCM")],
    *[("flac", "FLAC", "PCM_16"), ("ogg", "OGG", "VORBIS"), ("opus", "OGG", "OPUS"), ("mp3", "MP3", None)],
    *[("aiff", "AIFF", "PCM_16"), ("au", "AU", "PCM_16"), ("caf", "CAF", "PCM_16"), ("w64", "W64", "PCM_16")],
]
CONVERTED = [("m4a", "mp4", "aac"), ("webm", "webm", "libopus"), ("mkv", "matroska", "flac"), ("wma", "asf", "wmav2")]
NAMES = [
    *["{}", "a {} b", "-{}", "'{}\"", "[{}]", "{}*?", "é {} ü", "雨 {}", "{}\n2", "#%20{}", "{}..", " {}", "🔔{}"],
    "\udcff{}",  # not UTF-8
]


def main(arguments=None):
    """Runs the script; returns 1 if a file is not accounted for."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.many_files", description="Caption files of all formats.")
    parser.add_argument("--files", type=int, default=2000, help="number of files (default: %(default)s)")
    parser.add_argument("--sounds", metavar="DIR", help="folder of WAV, FLAC or Ogg files (default: noise)")
    parser.add_argument("--run", metavar="DIR", help="run folder of a model (default: one with random weights)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same files")
    options = parser.parse_args(arguments)
    from small_runs import KINDS, write_run

    from aac_tf import Captioner
    from aac_tf.export.saved_model import export_saved_model

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files = make_files(folder / "sounds", options.files, options.sounds, options.seed)
        run = options.run or write_run(folder / "run", KINDS["attention, M = 4"])
        export_saved_model(Captioner.load(run), folder / "model")
        kinds = collections.Counter(files.values())
        print(f"{len(files)} files: {', '.join(f'{count} {kind}' for kind, count in kinds.items())}", flush=True)
        found = {
            "caption.py": _caption(run, files),
            "aac-caption-many": _caption_many(folder, files),
        }
    problems = [f"{name}: {problem}" for name, lines in found.items() for problem in check(files, lines)]
    first, second = found.values()
    captions = [{path: line.get("caption") for path, line in lines.items()} for lines in (first, second)]
    same = sum(caption is not None and caption == captions[1].get(path) for path, caption in captions[0].items())
    print(f"{same} captions are the same in both")
    problems += [
        f"{path!r}: caption.py: {first[path]}, aac-caption-many: {second[path]}"
        for path in sorted(first.keys() & second.keys())
        if ("caption" in first[path]) != ("caption" in second[path])
    ]
    print("\n".join(problems[:50]) or "every file is accounted for", flush=True)
    return int(bool(problems))


def make_files(folder, count, sounds=None, seed=0):
    """Writes files; returns {path: kind}, where the kind is `whole`, `broken` or `no sound`."""
    import numpy as np
    import soundfile
    from sound_files import encode, remux

    from fuzz.mutations import mutate

    folder.mkdir()
    rng, files, whole = random.Random(seed), {}, {}
    endings = (".wav", ".flac", ".ogg")
    paths = sorted(path for path in pathlib.Path(sounds).rglob("*") if path.suffix in endings) if sounds else []
    if sounds and not paths:
        raise SystemExit(f"{sounds} has no WAV, FLAC or Ogg files")

    def sound():
        """1 to 2 s of one of the sounds, at a rate that Opus has."""
        if not paths:
            return np.random.default_rng(rng.randrange(1 << 30)).uniform(-0.3, 0.3, [rng.randrange(48000, 96000), 1])
        with soundfile.SoundFile(rng.choice(paths)) as file:
            found = file.read(2 * file.samplerate, always_2d=True)[:, :1]
        # Some recordings begin with digital silence, which has no caption.
        return found + np.random.default_rng(0).uniform(-1e-3, 1e-3, found.shape)

    for number in range(count):
        kind = rng.choices(["whole", "broken", "no sound"], [6, 3, 1])[0]
        ending, form, codec = rng.choice(ENCODED + CONVERTED)
        key = (form, codec, rng.randrange(4))  # a few different sounds of each format
        if key not in whole:
            rate = 48000
            samples = sound()
            if (ending, form, codec) in CONVERTED:
                whole[key] = remux(encode("WAV", "PCM_16", samples, rate), form, codec)
            else:
                whole[key] = encode(form, codec, samples, rate)
        contents = whole[key]
        if kind == "broken":
            contents = mutate(contents, rng)
        elif kind == "no sound":
            contents = rng.choice([b"", b"no sound " * 50, b"<!DOCTYPE html><html></html>", bytes(3000), b"RIFF"])
        if rng.random() < 0.1:
            ending = rng.choice(["WAV", "mp3", "txt", "tar.gz", "x" * 60])
        name = f"{rng.choice(NAMES).format(number)}.{ending}"
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(contents)
        files[path] = kind
    for name in ("missing.wav", "folder.wav"):
        files[os.path.join(folder, name)] = "no sound"
    (folder / "folder.wav").mkdir()
    return files


def _caption(run, files):
    """{path: line} of `caption.py`."""
    begin = time.monotonic()
    command = [sys.executable, str(ROOT / "caption.py"), "--run", str(run), "--json", "--", *files]
    out, err, code = _run(command)
    lines = [json.loads(line) for line in out.splitlines()]
    print(f"caption.py: exit code {code} after {time.monotonic() - begin:.0f} s, {len(lines)} lines", flush=True)
    if code != 3 or len(lines) != len(files):
        print(err[-3000:])
    return {line["file"]: line for line in lines}


def _caption_many(folder, files):
    """{path: line} of `aac-caption-many`."""
    begin, output = time.monotonic(), folder / "captions"
    script = "import sys; from aac_tf.cli.caption_many import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "--model", str(folder / "model"), "--output", str(output), *files]
    _, err, code = _run(command)
    lines = [json.loads(line) for path in output.glob("*-of-*.jsonl") for line in path.read_text().splitlines()]
    print(f"aac-caption-many: exit code {code} after {time.monotonic() - begin:.0f} s, {len(lines)} lines", flush=True)
    if code != 3 or len(lines) != len(files):
        print(err[-3000:])
    return {line["file"]: line for line in lines}


def _run(command):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode(errors="replace"), done.returncode


def check(files, lines):
    """What is wrong with the lines of files, a list of str."""
    problems = [f"{path!r} has no line" for path in files if path not in lines]
    problems += [f"a line of an unknown file {path!r}" for path in lines if path not in files]
    for path, line in lines.items():
        if "caption" not in line and not line.get("error"):
            problems.append(f"{path!r} has neither a caption nor a reason: {line}")
        if files.get(path) == "whole" and "caption" not in line:
            problems.append(f"{path!r} is whole, but: {line['error']}")
        if files.get(path) == "no sound" and "caption" in line:
            problems.append(f"{path!r} has no sound, but a caption: {line['caption']}")
    return problems


if __name__ == "__main__":
    sys.exit(main())
