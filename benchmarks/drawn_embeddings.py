"""What embeddings that are drawn for a kind of sound teach, in place of recordings of it.

    AAC_TF_YAMNET=yamnet.npz python benchmarks/drawn_embeddings.py --bank sounds ESC-50 --grown derived \
        --captions audiocaps=audiocaps/train.csv clotho=clotho/clotho_captions_development.csv

Trains the model of `everyday` on scenes without some kinds of sound, on these and scenes of the kinds, and on the same
with stand-ins for the kinds, whose embeddings are drawn (`aac-bank --derive --stand-ins`). The scenes are composed of
the training recordings of the banks. Prints how often captions of the others name the kinds (see
`labelled_recordings.py`).
"""

import argparse
import csv
import pathlib

import numpy as np
from labelled_recordings import measure, recordings_of
from stored_grid import Grid

from aac_tf.cli.console import Console
from aac_tf.embeddings import YamnetEmbedder
from aac_tf.inference import Captioner
from aac_tf.labelling.derive import derive_bank
from aac_tf.labelling.grow import TABLE
from aac_tf.scenes.banks import FolderBank
from aac_tf.scenes.banks.labels import read_labels
from aac_tf.scenes.files import script_files
from aac_tf.scenes.scripts import read_scripts
from aac_tf.scenes.writing.scripts import write_missing_scripts

KINDS = [
    *("helicopter", "rooster", "chainsaw", "sneeze", "blender", "thunder"),
    *("clock", "frying", "baby cry", "fire crackling", "gunshot", "keyboard typing"),
]
TRAINING = [
    *("training.monitor=loss", "training.epochs=6", "training.batch_size=32", "training.warmup_steps=50"),
    *("training.ema=0.98", "decoding.style=null", "data.bucket_seconds=[5,7,9,11,14.5]"),
    *("scenes.min_scenes=null", "scenes.max_alike=null", "scenes.validation=20", "scenes.test=20"),
]
NONE, RECORDINGS, DRAWN = "without scenes of the kinds", "scenes with recordings", "scenes with drawn embeddings"


def write_bank(folder, bank, rows, left_out):
    """Writes a bank with the training recordings of another, without some categories."""
    training = {name for category in bank.available("train") for name in bank.files(category, "train")}
    kept = [row for row in rows if row.name in training and row.category not in left_out]
    (folder / "sounds").mkdir(parents=True, exist_ok=True)
    with open(folder / TABLE, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "category", "source", "group"])
        for row in kept:
            link = folder / "sounds" / row.name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(row.path.resolve())
            writer.writerow([f"sounds/{row.name}", row.category, row.source, row.group or row.name])


def choose_captions(options, bank):
    """Captions without the kinds, and those of each kind with at most one other sound, again if they are few."""
    scripts = [script for style, file in script_files(options.captions) for script in read_scripts([file]).scripts]
    scripts += write_missing_scripts(bank, scripts)
    rng = np.random.default_rng(0)
    scripts = [scripts[place] for place in rng.permutation(len(scripts))]
    available, kinds = set(bank.available("train")), set(options.kinds)
    without, own = [], {kind: [] for kind in options.kinds}
    for script in scripts:
        sounds = {sound.category for sound in script.sounds}
        if not sounds <= available:
            continue
        if not sounds & kinds:
            without.append(script.caption)
        elif len(sounds) <= 2 and len(sounds & kinds) == 1:
            own[next(iter(sounds & kinds))].append(script.caption)
    return without[: options.others], [
        captions[place % len(captions)] for captions in own.values() if captions for place in range(options.each)
    ]


def prepare(options, console):
    """Writes the banks and the captions; returns the overrides of each cell."""
    runs = options.runs
    bank = FolderBank([*options.bank, *options.grown], train_first=True)
    _, rows = read_labels(bank.folders)
    write_bank(runs / "whole", bank, rows, ())
    write_bank(runs / "without", bank, rows, options.kinds)
    without, own = choose_captions(options, bank)
    for name, captions in (("without", without), ("with", without + own)):
        (runs / f"{name}.txt").write_text("\n".join(captions) + "\n", encoding="utf-8")
    stand_ins = runs / "stand_ins"
    if not (stand_ins / TABLE).is_file():
        report = console.progress("looking for stand-ins")
        derive_bank([runs / "without"], stand_ins, YamnetEmbedder(), report, rules=[], stand_ins=True)
        with open(stand_ins / TABLE, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            found = [row for row in reader if row["category"] in options.kinds]
        with open(stand_ins / TABLE, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, reader.fieldnames)
            writer.writeheader()
            writer.writerows(found)
    folders = {NONE: ["without"], RECORDINGS: ["whole"], DRAWN: ["without", "stand_ins"]}
    return {
        name: [
            f"scenes.bank={','.join(str(runs / folder) for folder in banks)}",
            f"scenes.scripts={runs / ('without.txt' if name == NONE else 'with.txt')}",
            f"data.root={runs / f'scenes{number}'}",
        ]
        for number, (name, banks) in enumerate(folders.items())
    }


def main(arguments=None):
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", required=True, nargs="+", help="folders of labelled recordings")
    parser.add_argument("--grown", nargs="*", default=[], help="folders that aac-bank made from them for the training")
    parser.add_argument("--captions", required=True, nargs="+", metavar="FILE", help="files of captions")
    parser.add_argument("--kinds", nargs="+", default=KINDS, help="kinds of sound to draw")
    parser.add_argument("--others", type=int, default=2200, help="captions without the kinds")
    parser.add_argument("--each", type=int, default=66, help="captions of each kind")
    parser.add_argument(
        "--runs", type=pathlib.Path, default="runs/drawn_embeddings", help="folder for all that is made"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2, help="runs to train at once")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args(arguments)
    rate, labelled = recordings_of(options.bank, options.grown)
    if missing := set(options.kinds) - {label for label, _ in labelled}:
        parser.error(f"the banks have no recordings of {', '.join(sorted(missing))} to measure with: leave them out")
    cells = prepare(options, Console())
    grid = Grid("everyday", [*TRAINING, *options.overrides], cells, options.seeds, options.runs, options.jobs)
    grid.train()
    print("\n| | mean over the kinds | over the other labels | " + " | ".join(options.kinds) + " |")
    print("| --- |" + " ---: |" * (2 + len(options.kinds)))
    for name in cells:
        found = [measure(Captioner.load(grid.folder(name, seed)), labelled, rate, None) for seed in options.seeds]
        shares = [{label: share for label, (_, share) in shares.items()} for _, shares, _ in found]
        own = [np.mean([one[kind] for kind in options.kinds]) for one in shares]
        others = [np.mean([share for label, share in one.items() if label not in options.kinds]) for one in shares]
        spread = [f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "" for values in (own, others)]
        means = [f"{np.mean(values):.3f}{part}" for values, part in zip((own, others), spread)]
        each = [f"{np.mean([one[kind] for one in shares]):.2f}" for kind in options.kinds]
        print(f"| {name} | " + " | ".join(means + each) + " |", flush=True)


if __name__ == "__main__":
    main()
