"""Robustness of training against SIGKILL: kills runs at random times and resumes them.

    python benchmarks/kills.py [--kills 25] [--seed 0]

Trains a small model on composed scenes and saves after every step, so that much of the time is spent on checkpoints.
One run is not interrupted; others are killed and resumed until they end, until the number of kills is reached. Every
second kill happens when a checkpoint starts to be written. The loss of every step, bit for bit, and every row of the
history must equal those of the uninterrupted run. Prints what the processes were doing when they were killed.
"""

import argparse
import collections
import pathlib
import random
import subprocess
import sys
import tempfile
import time

# isort: off
import aac_tf  # noqa: F401 - before TensorFlow
# isort: on

from aac_tf.config import load_config
from aac_tf.data.preparation import prepare_dataset

WORKER = pathlib.Path(__file__).parents[1] / "tests" / "training" / "train_worker.py"
OPTIONS = [
    *WORKER.with_name("small.txt").read_text().split(),
    "encoder.dropout=0.2",
    "training.epochs=5",
    "training.batch_size=4",
    "training.lr_patience=1",
    "training.save_minutes=0",
]


def start(run, options):
    """Starts a process that trains or resumes a run."""
    command = [sys.executable, str(WORKER), str(run), f"{run}.npz", "1", *options]
    with open(f"{run}.log", "w") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def results(run):
    """Returns the recorded set of (epoch, step, loss), and the history without its seconds."""
    rows = (run / "history.csv").read_text().splitlines()
    return set(pathlib.Path(f"{run}.npz.losses").read_text().splitlines()), [row.rpartition(",")[0] for row in rows]


def lines(run):
    """Number of recorded steps of a run."""
    log = pathlib.Path(f"{run}.npz.losses")
    return log.read_text().count("\n") if log.is_file() else 0


def unfinished(run):
    """Checkpoints that are being written, or were when a process was killed."""
    return set(run.glob("checkpoints/*/*_temp*"))


def kill(process, run, before, catch):
    """Kills a process, with `catch` while it writes a checkpoint; returns what it was doing."""
    left, steps = before
    end = time.monotonic() + 10 if catch else 0
    while time.monotonic() < end and not unfinished(run) - left and process.poll() is None:
        time.sleep(0.0005)
    process.kill()
    if process.wait() == 0:
        return None  # it had already ended
    if unfinished(run) - left:
        return "writing a checkpoint"
    return "training" if lines(run) > steps else "starting"


def main():
    """Kills, resumes and compares runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0, help="seed of the random times")
    arguments = parser.parse_args()
    times, seen, kills, runs = random.Random(arguments.seed), collections.Counter(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        options = [*OPTIONS, f"data.root={folder / 'scenes'}"]
        prepare_dataset(load_config(None, options))
        began = time.perf_counter()
        assert start(folder / "uninterrupted", options).wait() == 0
        expected, span = results(folder / "uninterrupted"), time.perf_counter() - began
        print(f"a run of {len(expected[0])} steps: {span:.0f} s", flush=True)
        while kills < arguments.kills:
            run = folder / f"run{runs}"
            while True:
                before = unfinished(run), lines(run)
                process = start(run, options)
                try:
                    status = process.wait(times.uniform(0.25, 0.75) * span if kills < arguments.kills else None)
                except subprocess.TimeoutExpired:
                    doing = kill(process, run, before, catch=kills % 2)
                    if doing:
                        kills += 1
                        seen[doing] += 1
                        print(f"{kills} kills: {dict(seen)}", flush=True)
                    continue
                assert status == 0, pathlib.Path(f"{run}.log").read_text()
                break
            runs += 1
            losses, history = results(run)
            assert losses <= expected[0], f"{run}: losses differ from those of the uninterrupted run"
            assert history == expected[1], f"{run}: the history differs from that of the uninterrupted run"
    print(f"{kills} kills, {runs} runs: all losses and histories equal those of the uninterrupted run")


if __name__ == "__main__":
    main()
