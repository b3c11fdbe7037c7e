"""Grids of runs that train on stored embeddings, several at once, and caption the same stored clips."""

import dataclasses
import json
import multiprocessing
import os
import pathlib

import numpy as np
import scipy.stats
from grid import contrast, table

from aac_tf.config import load_config
from aac_tf.runs import Run
from aac_tf.scenes.files import script_files
from aac_tf.utils import atomic_write

SHOWN = ("meteor", "cider", "f1", "recall")
SCENES = "composed validation scenes"


def add_grid_arguments(parser, runs):
    """Adds the arguments that all grids share to an `argparse` parser; `runs` is the folder unless one is given."""
    parser.add_argument(
        "--captions",
        nargs="+",
        action="append",
        default=[],
        metavar="CSV",
        help="captions of a set of recordings, FILE or STYLE=FILE; may be repeated for other sets",
    )
    parser.add_argument("--runs", type=pathlib.Path, default=runs, help="folder for all that is made")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2, help="runs to train at once")
    parser.add_argument("overrides", nargs="*", metavar="key=value")


@dataclasses.dataclass(frozen=True)
class Grid:
    """Runs of one config with the overrides of each cell and seed.

    Args:
        config: name or path of a config.
        overrides: list of `key=value` for all runs.
        cells: dict of the name of a row to its own list of `key=value`; the first is what the others are compared with.
        seeds: list of int.
        runs: `pathlib.Path`, folder of the runs and the embeddings; an interrupted grid is continued.
        jobs: int, number of runs to train at once.
    """

    config: str
    overrides: list
    cells: dict
    seeds: list
    runs: pathlib.Path
    jobs: int

    def run_config(self, name, seed):
        """The `Config` of a run."""
        stored = [f"data.embedding_folder={self.runs / 'embeddings'}", "training.samples=0", f"seed={seed}"]
        return load_config(self.config, [*stored, *self.overrides, *self.cells[name]])

    def folder(self, name, seed):
        """The folder of a run."""
        return self.runs / f"{name.replace(' ', '_').replace(',', '')}-seed{seed}"

    def train(self):
        """Trains all runs, the seeds in the outer loop."""
        tasks = [
            (self.run_config(name, seed), self.folder(name, seed))
            for seed in self.seeds
            for name in self.cells
            if not (self.folder(name, seed) / "result.json").is_file()
        ]
        if not tasks:
            return
        threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2"} if self.jobs > 1 else {}
        context, processes = multiprocessing.get_context("spawn"), min(self.jobs, len(tasks))
        with context.Pool(processes, _set_environment, [threads]) as pool:
            for done, (name, loss, seconds) in enumerate(pool.imap_unordered(_train_run, tasks), 1):
                print(f"trained {done}/{len(tasks)}: {name}, loss {loss:.3f}, {seconds:.0f} s", flush=True)

    def measure(self, scenes, recordings, progress):
        """Captions the validation scenes of a corpus, and recordings, with all runs.

        Args:
            scenes: path of the corpus.
            recordings: list of sets of captions files, FILE or STYLE=FILE.
            progress: optional function `(what) -> (function (done, total))`.

        Returns:
            `{set of clips: {cell: [{score: value} of each seed]}}`, with the CIDEr of each clip as `clips`, and
            `{set of clips: number of clips}`.
        """
        from stored_clips import RunCaptions, embed_recordings, embed_scenes, score

        from aac_tf.build import build_frozen_encoder

        config = self.run_config(next(iter(self.cells)), self.seeds[0])
        embedder = build_frozen_encoder(config)
        sets = {SCENES: embed_scenes(config, embedder, pathlib.Path(scenes), "validation", progress)}
        for files in recordings:
            found = [one for file in files for one in script_files(file)]
            sets[", ".join(path.stem for _, path in found)] = embed_recordings(config, embedder, found, progress)
        results = {title: {name: [] for name in self.cells} for title in sets}
        keys = {title: clips.fingerprint() for title, clips in sets.items()}
        captions_of = RunCaptions(embedder.width)
        for name in self.cells:
            for seed in self.seeds:
                folder = self.folder(name, seed)
                stored = folder / "result.json"
                measured = json.loads(stored.read_text()) if stored.is_file() else {}
                missing = [title for title in sets if measured.get(title, {}).get("key") != keys[title]]
                if missing:
                    captions_of.load(Run(folder))
                for title in missing:
                    captions = captions_of.caption(sets[title])
                    scores, clips = score(captions, sets[title])
                    measured[title] = {"key": keys[title], **scores, "clips": clips, "captions": captions}
                with atomic_write(stored) as unfinished:
                    unfinished.write_text(json.dumps(measured, indent=1))
                for title in sets:
                    results[title][name].append(measured[title])
                shown = (f"{title[:20]} CIDEr {measured[title]['cider']:.3f}" for title in sets)
                print(f"{folder.name}: " + ", ".join(shown), flush=True)
        return results, {title: len(clips.clips) for title, clips in sets.items()}


def show_tables(title, clips, results, first):
    """Prints the tables of a set of clips.

    Args:
        title: name of the set.
        clips: int, number of its clips.
        results: `{cell: [{score: value} of each seed]}`.
        first: heading of the column of cells.
    """
    base, *others = results
    print(f"\n{title} ({clips} clips)\n\n" + table(results, first, SHOWN) + "\n")
    print(f"| against {base} | " + " | ".join((*SHOWN, "cider, over clips")) + " |")
    print("| --- |" + " ---: |" * (len(SHOWN) + 1))
    for name in others:
        cells = [*contrast(results, [name], [base], SHOWN).values(), _over_clips(results[name], results[base])]
        print(f"| {name} | " + " | ".join(f"{mean:+.3f} ± {half:.3f}" for mean, half in cells) + " |")


def _over_clips(runs, base):
    """Difference in CIDEr of the means over the seeds, and half of its 95 % interval over the clips."""
    differences = np.mean([run["clips"] for run in runs], axis=0) - np.mean([run["clips"] for run in base], axis=0)
    half = scipy.stats.t.ppf(0.975, len(differences) - 1) * scipy.stats.sem(differences)
    return float(np.mean(differences)), float(half)


def _set_environment(variables):
    os.environ.update(variables)


def _train_run(task):
    """Trains a run unless it is trained; in a process of its own, which uses one thread."""
    import tensorflow as tf

    from aac_tf.training.trainer import train

    config, folder = task
    tf.keras.backend.clear_session()
    run = Run(folder)
    rows = train(config, run, resume=bool(run.exists))
    return folder.name, float(rows[-1]["loss"]), sum(float(row["seconds"]) for row in rows)
