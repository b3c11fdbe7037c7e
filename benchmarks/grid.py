"""Grids of runs of one config with different overrides and seeds: trained, scored, timed and shown in tables."""

import csv
import json
import os
import pathlib
import statistics
import time

import numpy as np
import scipy.stats

from aac_tf.config import load_config
from aac_tf.data.preparation import read_clips
from aac_tf.evaluation.evaluator import evaluate, write_evaluation
from aac_tf.inference.captioner import Captioner
from aac_tf.runs.run import Run
from aac_tf.training.trainer import train
from aac_tf.utils import atomic_write

SCORES = ("event_f1", "order_accuracy", "bleu_4", "cider", "meteor")
ATTENTION_SCORES = ("attention_inside", "uniform_inside", "attention_hits", "uniform_hits")
TIMES = ("s/epoch", "ms/caption")


def measure(config, folder):
    """Trains or resumes a run and scores it on the test split, unless that was done before.

    Args:
        config: `Config`.
        folder: path of the run folder; its `result.json` stores the result.

    Returns:
        dict of column to float: the scores; `s/epoch`, the time of the fastest epoch, including validation;
        `ms/caption`, the time per file of the test split with the config's search, in the fastest of three passes.
    """
    folder = pathlib.Path(folder)
    stored = folder / "result.json"
    if stored.is_file():
        return json.loads(stored.read_text())
    run = Run(folder)
    rows = train(config, run, resume=bool(run.exists))
    captioner = Captioner.load(folder)
    result = evaluate(captioner, config, "test", attention=True)
    write_evaluation(result, folder)
    paths, seconds = [clip.path for clip in read_clips(config, "test")], []
    for _ in range(3):
        began = time.perf_counter()
        captioner.caption(paths)
        seconds.append(time.perf_counter() - began)
    # The scores are None for a model that names no sound.
    values = {name: float(result.corpus[name] or 0) for name in (*SCORES, *ATTENTION_SCORES)}
    values["s/epoch"] = min(float(row["seconds"]) for row in rows)
    values["ms/caption"] = 1000 * min(seconds) / len(paths)
    with atomic_write(stored) as unfinished:
        unfinished.write_text(json.dumps(values, indent=1))
    return values


def run_grid(config, overrides, cells, seeds, folder):
    """Measures each cell with each seed, the seeds in the outer loop, so that an unfinished grid has complete tables.

    Args:
        config: path of the config file.
        overrides: list of `key=value` for all runs.
        cells: dict of the name of a row to its own list of `key=value`.
        seeds: list of int.
        folder: path of the folder for the runs; an interrupted grid is continued.

    Returns:
        dict of cell to list of results of `measure`, one for each seed.
    """
    results = {name: [] for name in cells}
    for seed in seeds:
        for name, own in cells.items():
            run = pathlib.Path(folder) / f"{name.replace(' ', '_').replace('/', '_')}-seed{seed}"
            values = measure(load_config(config, [*overrides, *own, f"seed={seed}"]), run)
            results[name].append(values)
            print(f"{run.name}: " + ", ".join(f"{key} {value:.3f}" for key, value in values.items()), flush=True)
    return results


def join_banks(folders, runs):
    """Joins banks into one, a folder of links and a CSV file in the folder `runs`.

    Args:
        folders: list of paths of banks, each with labelled recordings and a CSV file of `file_name,category`.
        runs: path of the folder of the grid.

    Returns:
        list of `key=value` for scenes of the joined bank.
    """
    joined = pathlib.Path(runs) / "bank"
    (joined / "audio").mkdir(parents=True, exist_ok=True)
    with open(joined / "bank.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "category"])
        for folder in map(pathlib.Path, folders):
            (labels,) = folder.glob("*.csv")
            clips = {path.name: path for path in folder.rglob("*") if path.is_file()}
            with open(labels, newline="", encoding="utf-8") as rows:
                for row in csv.DictReader(rows):
                    name = row.get("file_name") or row["filename"]
                    writer.writerow([name, row["category"]])
                    link = joined / "audio" / name
                    if not link.exists():
                        os.symlink(clips[name].resolve(), link)
    return [f"scenes.bank={joined}", f"data.root={pathlib.Path(runs) / 'scenes'}"]


def contrast(results, plus, minus, columns=SCORES):
    """Computes a contrast between cells: its mean over the seeds and 95 % confidence interval by Student's t.

    Args:
        results: from `run_grid`.
        plus: list of names of cells to add.
        minus: list of names of cells to subtract.
        columns: columns of the results.

    Returns:
        dict of column to (mean, half the width of the interval), the latter infinite for one seed.
    """
    found = {}
    for column in columns:
        sums = [sum(np.array([row[column] for row in results[cell]]) for cell in cells) for cells in (plus, minus)]
        seeds = sums[0] - sums[1]
        half = np.inf
        if len(seeds) > 1:
            half = scipy.stats.t.ppf(0.975, len(seeds) - 1) * scipy.stats.sem(seeds)
        found[column] = float(np.mean(seeds)), float(half)
    return found


def table(results, first="", columns=(*SCORES, *TIMES)):
    """A Markdown table: mean and standard deviation of scores over the seeds, and the minimum of times."""
    lines = [f"| {first} | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for name, rows in results.items():
        cells = [_cell(column, [row[column] for row in rows]) for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(column, values):
    if column in TIMES:
        return f"{min(values):.1f}"
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"
