"""Overhead of Apache Beam, reading and writing in `aac-caption-many`, compared with the model alone.

    python benchmarks/many.py --model models/captioner 'clips/*.wav'

Captions the same files with the SavedModel alone, in batches of waveforms that were read before; with the SavedModel
and reading; with the complete `aac-caption-many`; and with that minus its one-time costs (start of Beam, loading the
model, the first batch), which are measured with a job of one file. Process seconds are those of all threads of the
process, which other programs on the machine hardly change; clock seconds are elapsed time. The share is that of the
model alone in the process seconds: 1 means no overhead.
"""

import argparse
import contextlib
import os
import tempfile
import time

from aac_tf.many import Settings, find_files, newest_version, open_job
from aac_tf.many.batches import batches
from aac_tf.many.model import SavedCaptioner, model_fingerprint
from aac_tf.many.pipeline import run_job


@contextlib.contextmanager
def timed(times):
    """Appends (seconds of the process, seconds of the clock) to a list."""
    process, clock = time.process_time(), time.perf_counter()
    yield
    times.append((time.process_time() - process, time.perf_counter() - clock))


def run_pipeline(version, paths, settings, flags):
    """Runs a job in a temporary folder; returns its counts."""
    with tempfile.TemporaryDirectory() as folder:
        job = open_job(os.path.join(folder, "captions"), paths, model_fingerprint(version))
        return run_job(job, version, settings, flags)[0]


def measure(version, paths, settings, repeats, flags):
    """Returns ({row: (process seconds, clock seconds)}, the fastest of `repeats`; seconds of sound)."""
    captioner = SavedCaptioner(version)
    limits = (captioner.sample_rate, settings.batch_seconds, settings.batch_size, settings.max_seconds)
    read = [batch for batch in batches(paths, *limits) if not batch[0].reason]
    captioner.caption([read[0][0].waveform])
    rows = {"model alone": [], "reading and model": [], "complete": [], "one file": []}
    for _ in range(repeats):
        with timed(rows["model alone"]):
            for batch in read:
                captioner.caption([clip.waveform for clip in batch])
        with timed(rows["reading and model"]):
            for batch in batches(paths, *limits):
                if not batch[0].reason:
                    captioner.caption([clip.waveform for clip in batch])
        with timed(rows["complete"]):
            summary = run_pipeline(version, paths, settings, flags)
        with timed(rows["one file"]):
            run_pipeline(version, [read[0][0].path], settings, flags)
    return {name: min(times) for name, times in rows.items()}, summary["seconds"]


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--batch-seconds", type=float, nargs="+", default=[Settings.batch_seconds])
    parser.add_argument("--batch-size", type=int, default=Settings.batch_size)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_intermixed_args()
    version, paths = newest_version(options.model), find_files(options.files)
    columns = ["batch, s of sound", "process s", "clock s", "x real time", "share"]
    print("| | " + " | ".join(columns) + " |\n| --- |" + " ---: |" * len(columns))
    for batch_seconds in options.batch_seconds:
        settings = Settings(batch_seconds, options.batch_size)
        best, sound = measure(version, paths, settings, options.repeats, [])
        best["without start"] = tuple(total - once for total, once in zip(best["complete"], best.pop("one file")))
        names = {"complete": "aac-caption-many", "without start": "aac-caption-many, without its start"}
        for name, (process, clock) in best.items():
            share = best["model alone"][0] / process
            row = (f"{batch_seconds:g}", f"{process:.2f}", f"{clock:.2f}", f"{sound / process:.0f}", f"{share:.2f}")
            print(f"| {names.get(name, name)} | " + " | ".join(row) + " |", flush=True)
    print(f"\n{len(paths)} files, {sound:.0f} s of sound")


if __name__ == "__main__":
    main()
