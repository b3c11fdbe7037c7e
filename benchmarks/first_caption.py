"""How long `aac-caption FILE` takes from Enter to caption, and `aac-caption` with many files.

    AAC_TF_YAMNET=yamnet.npz python benchmarks/first_caption.py dog.wav
    AAC_TF_YAMNET=yamnet.npz python benchmarks/first_caption.py --files 200 dog.wav

Times, alternating, seconds of a process that only imports TensorFlow, of the first caption of a run on a machine (with
an empty cache of captioners; YAMNet is converted already) and of later ones, which load the stored captioner. `caption`
is the time until the caption is printed, `exit` until the process ends, `CPU` its user and system time. With --files,
the file is captioned that many times by one process, and the share of the time in which the model computes is printed.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

_TENSORFLOW = "import aac_tf, tensorflow; print('done', flush=True)"
_CAPTION = "import sys; from aac_tf.cli.caption import main; sys.exit(main())"


def run(program, *arguments):
    """Runs a Python program; returns its seconds to the first line, to the exit, and of CPU."""
    before, began = os.times(), time.perf_counter()
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        first = time.perf_counter() - began
        if process.wait():
            raise SystemExit(process.stderr.read().decode())
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return first, time.perf_counter() - began, cpu


def share_of_model(path, preset, files):
    """Captions a file many times; returns seconds a file, and the share of the time in which the model computes."""
    from aac_tf.inference.stored import CacheEntry

    captioner, busy = CacheEntry(preset).load(), 0.0
    describe = captioner._describe

    def timed(*clips):
        nonlocal busy
        began = time.perf_counter()
        found = describe(*clips)
        found.tokens.numpy()
        busy += time.perf_counter() - began
        return found

    captioner._describe = timed
    list(captioner.caption_each([path] * 16))
    busy, began = 0.0, time.perf_counter()
    list(captioner.caption_each([path] * files))
    seconds = time.perf_counter() - began
    return seconds / files, busy / seconds


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--run", default="everyday")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--files", type=int, default=0)
    options = parser.parse_args()
    from aac_tf.utils.cache import cache_folder

    stored = cache_folder() / "captioners"
    arguments = _CAPTION, "--run", options.run, options.file
    run(*arguments)  # converts YAMNet, if it is used for the first time
    times = {"import tensorflow": [], "first caption": [], "later captions": []}
    for _ in range(options.turns):
        times["import tensorflow"].append(run(_TENSORFLOW))
        aside = stored.with_name(f"captioners-{os.getpid()}")
        if stored.exists():
            stored.rename(aside)
        try:
            times["first caption"].append(run(*arguments))
        finally:
            shutil.rmtree(stored, ignore_errors=True)
            if aside.exists():
                aside.rename(stored)
        times["later captions"].append(run(*arguments))
    print("| seconds | caption | exit | CPU |\n| --- | ---: | ---: | ---: |")
    for name, taken in times.items():
        print(f"| {name} | " + " | ".join(f"{statistics.median(column):.1f}" for column in zip(*taken)) + " |")
    if options.files:
        seconds, share = share_of_model(str(pathlib.Path(options.file)), options.run, options.files)
        print(
            f"{options.files} files: {1000 * seconds:.0f} ms each; the model computes {100 * share:.0f} % of the time"
        )


if __name__ == "__main__":
    main()
