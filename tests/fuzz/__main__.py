"""Feeds mutated files, arrays and responses to the package.

    PYTHONPATH=tests python -m fuzz --inputs 2000
    PYTHONPATH=tests python -m fuzz --targets csv config --inputs 500 --seed 7

Each input must be used, or refused with an error of the package: without another exception, a signal, more than 20
seconds, or more than 2 GB of memory. Each target (see `targets.py`) runs in a process of its own.
"""

import argparse
import logging
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback

TARGETS = ("audio", "waveforms", "csv", "config", "weights", "served")
MAX_SECONDS = 20
MAX_BYTES = 2 << 30


def main(arguments=None):
    """Runs the script; returns 1 if an input failed."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Feed mutated inputs to the package.")
    parser.add_argument(
        "--inputs", type=int, default=2000, help="number of inputs in all targets (default: %(default)s)"
    )
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS), help="default: all")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same inputs")
    parser.add_argument("--one-target", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one_target:
        logging.disable(logging.WARNING)  # of sounds above full scale, and of transformers
        failed = fuzz_target(options.one_target, options.inputs, options.seed)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(f"{options.one_target}: {memory / 1e9:.2f} GB", flush=True)
        return int(failed or memory > MAX_BYTES)
    count = -(-options.inputs // len(options.targets))
    failed = [target for target in options.targets if not _watch(target, count, options.seed)]
    return 1 if failed else 0


def _watch(target, count, seed):
    """Runs a target in a process; returns whether all of its inputs passed."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "log")
        command = [sys.executable, "-m", "fuzz", "--one-target", target, "--inputs", str(count), "--seed", str(seed)]
        environment = {**os.environ, "AAC_TF_CACHE": folder, "TF_CPP_MIN_LOG_LEVEL": "3", "FUZZ_LOG": str(log)}
        with subprocess.Popen(command, env=environment) as process:
            seen, since = None, time.monotonic()
            while process.poll() is None:
                time.sleep(0.2)
                now = log.read_text(errors="replace") if log.exists() else None
                if now != seen:
                    seen, since = now, time.monotonic()
                # Before the first input, TensorFlow is imported.
                if time.monotonic() - since > (MAX_SECONDS if seen else 120):
                    process.kill()
                    print(f"{target}: hangs at {seen}", flush=True)
                    return False
        if process.returncode < 0:
            print(f"{target}: signal {-process.returncode} at {log.read_text(errors='replace')}", flush=True)
    passed = process.returncode == 0
    print(f"{target}: {'passed' if passed else 'failed'} in {time.monotonic() - begin:.0f} s", flush=True)
    return passed


def fuzz_target(name, count, seed):
    """Feeds inputs to a target; returns whether one failed."""
    import aac_tf  # noqa: F401 - selects the Keras that TensorFlow uses
    from aac_tf.errors import AacError
    from fuzz.targets import NEIGHBOURS, TARGETS

    log, failures, used = pathlib.Path(os.environ["FUZZ_LOG"]), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        inputs = TARGETS[name](pathlib.Path(folder), random.Random(f"{name} {seed}"))
        for number, (what, use) in zip(range(-(-count // NEIGHBOURS) if name == "audio" else count), inputs):
            log.write_text(f"input {number}: {what}", errors="replace")
            try:
                use()
                used += 1
            except AacError:
                pass
            except Exception:
                failures += 1
                if failures <= 5:
                    print(f"{name}: input {number}: {what}\n{traceback.format_exc()}", flush=True)
    print(f"{name}: {count} inputs, {used} used, {failures} failed", flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
