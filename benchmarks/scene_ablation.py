r"""What the composed scenes of a captioner bring: scripts, banks, rooms, styles and renderings, left out one at a time.

    python benchmarks/scene_ablation.py --bank sound_bank ESC-10 ESC-50 --grown derived \
        --scripts audiocaps=audiocaps/train.csv clotho=clotho/clotho_captions_development.csv \
        --captions audiocaps=clips/audiocaps_clips.csv \
        --captions clotho=clotho/clotho_captions_validation.csv clotho=clotho/clotho_captions_evaluation.csv

Composes the same number of training scenes for each variant of `scene_variants.py`, embeds them once, and trains a run
for each variant and seed. All runs caption the same validation scenes, which have human captions and sounds that no
variant trains on, and the recordings of each `--captions`, a set of captions files in the layout that
`real_recordings.py` reads. STYLE=FILE asks the runs that know this style for it. The recordings are for measuring
only: the last epoch of each run is measured.

For each set, a Markdown table has the mean and standard deviation of the scores over the seeds, and a second one the
differences from the base: paired by seed, with 95 % intervals by Student's t; and that of CIDEr again, of the mean over
the seeds, with its interval over the clips. An interrupted benchmark continues where it stopped; `--variants` and
`--seeds` measure only some runs. Overrides of the config, `key=value`, come before the other arguments.
"""

import argparse
import json
import multiprocessing
import os
import pathlib

import numpy as np
import scipy.stats
from grid import contrast, table
from scene_variants import BASE, VARIANTS, Composer

from aac_tf.cli.console import Console
from aac_tf.config import load_config
from aac_tf.runs import Run
from aac_tf.scenes.files import script_files
from aac_tf.utils import atomic_write

SHOWN = ("meteor", "cider", "f1", "recall")
SCENES = "composed validation scenes"
# The last epoch counts, since each variant would have its own validation scenes to choose one by.
TRAINING = [
    *("training.monitor=loss", "training.epochs=8", "training.warmup_steps=50", "training.ema=0.98"),
    *("training.samples=0", "decoding.style=null", "embedding.precision=bfloat16"),
]


def run_folder(runs, name, seed):
    """The folder of the run of a variant and seed."""
    return pathlib.Path(runs) / f"{name.replace(' ', '_').replace(',', '')}-seed{seed}"


def run_config(options, root, seed):
    """The `Config` of a run on a corpus of composed scenes."""
    data = [f"data.root={root}", "scenes.bank=null", f"data.embedding_folder={options.runs / 'embeddings'}"]
    return load_config(options.config, [*TRAINING, *options.overrides, *data, f"seed={seed}"])


def train_run(task):
    """Trains a run unless it is trained; in a process of its own, which uses one thread.

    Args:
        task: (config, path of the run folder).
    """
    import tensorflow as tf

    from aac_tf.training.trainer import train

    config, folder = task
    tf.keras.backend.clear_session()
    run = Run(folder)
    rows = train(config, run, resume=bool(run.exists))
    return folder.name, float(rows[-1]["loss"]), sum(float(row["seconds"]) for row in rows)


def train_all(options, roots):
    """Trains all runs, several at once, the seeds in the outer loop."""
    tasks = [
        (run_config(options, roots[name], seed), run_folder(options.runs, name, seed))
        for seed in options.seeds
        for name in options.variants
        if not (run_folder(options.runs, name, seed) / "result.json").is_file()
    ]
    if not tasks:
        return
    if options.jobs > 1:
        os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2"}
    with multiprocessing.get_context("spawn").Pool(min(options.jobs, len(tasks))) as pool:
        for done, (name, loss, seconds) in enumerate(pool.imap_unordered(train_run, tasks), 1):
            print(f"trained {done}/{len(tasks)}: {name}, loss {loss:.3f}, {seconds:.0f} s", flush=True)


def measure_all(options, roots, scenes, progress):
    """Measures all runs.

    Returns:
        `{set of clips: {variant: [{score: value} of each seed]}}`; CIDEr of each clip is `clips`.
    """
    from stored_clips import RunCaptions, embed_recordings, embed_scenes, score

    from aac_tf.build import build_frozen_encoder

    config = run_config(options, roots[BASE], 0)
    embedder = build_frozen_encoder(config)
    sets = {SCENES: embed_scenes(config, embedder, scenes, "validation", progress)}
    for files in options.captions:
        found = [one for file in files for one in script_files(file)]
        sets[", ".join(path.stem for _, path in found)] = embed_recordings(config, embedder, found, progress)
    results = {title: {name: [] for name in options.variants} for title in sets}
    captions_of = RunCaptions(embedder.width)
    for name in options.variants:
        for seed in options.seeds:
            folder = run_folder(options.runs, name, seed)
            stored = folder / "result.json"
            measured = json.loads(stored.read_text()) if stored.is_file() else {}
            if not measured.keys() >= sets.keys():
                captions_of.load(Run(folder))
            for title in sets.keys() - measured.keys():
                captions = captions_of.caption(sets[title])
                scores, clips = score(captions, sets[title])
                measured[title] = {**scores, "clips": clips, "captions": captions}
            with atomic_write(stored) as unfinished:
                unfinished.write_text(json.dumps(measured, indent=1))
            for title in sets:
                results[title][name].append(measured[title])
            shown = (f"{title[:20]} CIDEr {measured[title]['cider']:.3f}" for title in sets)
            print(f"{folder.name}: " + ", ".join(shown), flush=True)
    return results, {title: len(clips.clips) for title, clips in sets.items()}


def over_clips(runs, base):
    """Difference in CIDEr of the means over the seeds, and half of its 95 % interval over the clips."""
    differences = np.mean([run["clips"] for run in runs], axis=0) - np.mean([run["clips"] for run in base], axis=0)
    half = scipy.stats.t.ppf(0.975, len(differences) - 1) * scipy.stats.sem(differences)
    return float(np.mean(differences)), float(half)


def show_tables(title, clips, results):
    """Prints the tables of a set of clips."""
    print(f"\n{title} ({clips} clips)\n\n" + table(results, "scenes", SHOWN) + "\n")
    print("| against the base | " + " | ".join((*SHOWN, "cider, over clips")) + " |")
    print("| --- |" + " ---: |" * (len(SHOWN) + 1))
    for name in results:
        if name != BASE:
            cells = [*contrast(results, [name], [BASE], SHOWN).values(), over_clips(results[name], results[BASE])]
            print(f"| {name} | " + " | ".join(f"{mean:+.3f} ± {half:.3f}" for mean, half in cells) + " |")


def main(arguments=None):
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="everyday")
    parser.add_argument("--bank", nargs="+", required=True, help="folders of labelled recordings")
    parser.add_argument("--grown", nargs="*", default=[], help="folders that aac-bank made from them")
    parser.add_argument("--scripts", nargs="+", required=True, help="files of captions, FILE or STYLE=FILE")
    parser.add_argument(
        "--captions",
        nargs="+",
        action="append",
        default=[],
        metavar="CSV",
        help="captions of a set of recordings, FILE or STYLE=FILE; may be repeated for other sets",
    )
    parser.add_argument("--runs", type=pathlib.Path, default="runs/scene_ablation", help="folder for scenes and runs")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS), metavar="VARIANT")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--scenes", type=int, default=3000, help="training scenes of each variant")
    parser.add_argument("--validation", type=int, default=300, help="validation scenes")
    parser.add_argument("--jobs", type=int, default=2, help="runs to train at once")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args(arguments)
    options.variants = [BASE, *(name for name in options.variants if name != BASE)]
    config = run_config(options, options.runs, 0)  # fails now, not after all scenes are composed
    progress = Console().progress
    composer = Composer(
        options.runs / "scenes",
        options.bank,
        options.grown,
        options.scripts,
        config.scenes,
        options.scenes,
        options.validation,
        progress,
    )
    roots = {name: composer.compose(name) for name in options.variants}
    scenes = composer.compose_validation()
    del composer  # and the sounds of its banks
    train_all(options, roots)
    results, counts = measure_all(options, roots, scenes, progress)
    for title, found in results.items():
        show_tables(title, counts[title], found)


if __name__ == "__main__":
    main()
