r"""What embeddings that are drawn for a kind of sound teach, in place of recordings of it.

    AAC_TF_YAMNET=yamnet.npz python benchmarks/drawn_embeddings.py data.root=runs/everyday-scenes \
        --bank sounds ESC-50 --grown derived

Trains the model of `everyday` on composed scenes without some kinds of sound, on these and scenes of the kinds, and on
the same with the embeddings of every window in which such a kind sounds drawn at random. Prints how often the kinds are
named in labelled recordings that no training had (see `labelled_recordings.py`).

YAMNet's classifier is linear in the embedding. A drawn embedding is a window of a scene without the kinds, moved by the
regression of embeddings on logits such that the class has the logit that classes have where they sound, and the
strongest other classes of the window are no stronger than usual. For embeddings of a Gaussian distribution, this draws
from the distribution given the logits (A. Journel, C. Huijbregts, Mining Geostatistics, 1978; Matheron's rule).
"""

import argparse
import csv
import json
import os
import pathlib

import numpy as np
from labelled_recordings import measure, recordings_of
from stored_grid import Grid

from aac_tf.build import build_frozen_encoder
from aac_tf.cli.console import Console
from aac_tf.config import load_config
from aac_tf.data.embedding_store import store_embeddings, write_shard
from aac_tf.data.preparation import file_features, prepare_features, read_clips
from aac_tf.embeddings.yamnet.class_names import class_names
from aac_tf.embeddings.yamnet.weights import read_weights
from aac_tf.inference import Captioner
from aac_tf.scenes.wording import SOUNDS

# Kinds that have scenes and labelled recordings, and the classes of YAMNet that are the kind.
KINDS = {
    "helicopter": ["Helicopter"],
    "rooster": ["Crowing, cock-a-doodle-doo", "Chicken, rooster"],
    "chainsaw": ["Chainsaw"],
    "sneeze": ["Sneeze"],
    "blender": ["Blender"],
    "thunder": ["Thunder", "Thunderstorm"],
    "clock": ["Clock", "Tick-tock", "Tick"],
    "frying": ["Frying (food)", "Sizzle"],
    "baby cry": ["Baby cry, infant cry"],
    "fire crackling": ["Crackle", "Fire"],
    "gunshot": ["Gunshot, gunfire"],
    "keyboard typing": ["Computer keyboard", "Typing"],
}
TRAINING = [
    *("scenes.bank=null", "training.monitor=loss", "training.epochs=6", "training.batch_size=32"),
    *("training.warmup_steps=50", "training.ema=0.98", "decoding.style=null", "data.bucket_seconds=[5,7,9,11,14.5]"),
]
NONE, RECORDINGS, DRAWN = "without scenes of the kinds", "scenes with recordings", "scenes with drawn embeddings"
# A window has a sound in it from this share of its length, and is all of it from that one.
PARTLY, MOSTLY = 0.1, 0.7
DONORS = 200  # scenes whose windows are moved: those in which the classes of a kind have the highest logits
LEAST_TARGET = 30  # percentile of the logits of classes where they sound; below, YAMNet does not hear them
STRONGEST = 3  # other classes of a window that are lowered
RELATED = 0.6  # correlation of logits from which classes are not lowered, as they belong together


class Windows:
    """Embeddings of the windows of scenes, and where their sounds are in them.

    Args:
        embeddings: {file name: float32 `[windows, width]`}.
        scenes: {file name: scene of events.json}.
        first: float, where the first window begins, in seconds.
        hop: float, from one window to the next, half of their length.
    """

    def __init__(self, embeddings, scenes, first, hop):
        self.embeddings, self.scenes, self._first, self._hop = embeddings, scenes, first, hop

    def sounding(self, name, category, share):
        """Bool `[windows]`: which windows of a scene have a sound in more than a share of their length."""
        begin, length = self._first + self._hop * np.arange(len(self.embeddings[name])), 2 * self._hop
        found = np.zeros(len(begin), bool)
        for event in self.scenes[name]["events"]:
            if event["category"] == category:
                overlap = np.minimum(begin + length, event["offset"]) - np.maximum(begin, event["onset"])
                found |= overlap > share * length
        return found


class Drawer:
    """Draws embeddings in which YAMNet hears a class.

    Args:
        windows: `Windows`.
        names: list of str, scenes without the kinds to draw.
        weights: as from `read_weights`.
    """

    def __init__(self, windows, names, weights):
        self._windows, self._names = windows, names
        self._kernel = weights["classifier/kernel"].astype(np.float64)
        self._bias = weights["classifier/bias"].astype(np.float64)
        pool = np.concatenate([windows.embeddings[name] for name in names]).astype(np.float64)
        logits = self.logits(pool)
        self._usual = logits.mean(axis=0) + 0.5 * logits.std(axis=0)
        self._covariance = np.cov(pool.T) @ self._kernel  # of embedding and logits
        between = self._kernel.T @ self._covariance
        self._variance = np.diag(between)
        self._correlation = between / np.sqrt(np.outer(self._variance, self._variance))
        self._targets = self._find_targets()

    def logits(self, embeddings):
        """Logits float64 `[windows, classes]`."""
        return embeddings @ self._kernel + self._bias

    def _find_targets(self):
        """The logits of classes in the windows of sounds that are these classes."""
        numbers, found = {_normal(name): number for number, name in enumerate(class_names())}, []
        for name in self._names:
            for event in self._windows.scenes[name]["events"]:
                labels = SOUNDS[event["category"]].labels if event["category"] in SOUNDS else ()
                classes = [numbers[_normal(label)] for label in labels if _normal(label) in numbers]
                sounding = self._windows.sounding(name, event["category"], MOSTLY)
                if event["role"] == "foreground" and 0 < len(classes) <= 3 and sounding.any():
                    logits = self.logits(self._windows.embeddings[name][sounding])
                    found.append(logits[:, classes].max(axis=1).mean())
        return np.array(found)[np.array(found) > np.percentile(found, LEAST_TARGET)]

    def donors(self, classes):
        """Names of the scenes in which the classes have the highest logits."""
        scores = [self.logits(self._windows.embeddings[name])[:, classes].max(axis=1).mean() for name in self._names]
        return [self._names[index] for index in np.argsort(scores)[::-1][:DONORS]]

    def draw(self, count, classes, donors, rng):
        """Draws a sound: embeddings `[count, width]` of windows in a row, in which one of the classes is heard."""
        chosen, target = classes[rng.integers(len(classes))], None
        donor = self._windows.embeddings[donors[rng.integers(len(donors))]].astype(np.float64)
        first, target = rng.integers(len(donor)), rng.choice(self._targets)
        drawn = donor[(first + np.arange(count)) % len(donor)]
        for index, logits in enumerate(self.logits(drawn)):
            others = [other for other in np.argsort(logits)[::-1][:6] if self._correlation[other, chosen] < RELATED]
            heard = [chosen, *others[:STRONGEST]]
            wanted = np.minimum(logits[heard], self._usual[heard])
            wanted[0] = target + 0.5 * rng.standard_normal()
            between = self._kernel[:, heard].T @ self._covariance[:, heard]
            between += 1e-3 * self._variance[chosen] * np.eye(len(heard))
            drawn[index] += self._covariance[:, heard] @ np.linalg.solve(between, wanted - logits[heard])
        return np.maximum(drawn, 0).astype(np.float32)  # an embedding is a mean after a ReLU


def _normal(name):
    return " ".join("".join(letter if letter.isalpha() else " " for letter in name.lower()).split())


def write_corpus(folder, root, rows):
    """Writes a corpus with some of the training scenes of `root`."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in root.resolve().iterdir():
        if path.name != "captions_train.csv" and not (folder / path.name).is_symlink():
            (folder / path.name).symlink_to(path)
    with open(folder / "captions_train.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def store(config, embedder, folder, embeddings):
    """Stores embeddings of the training scenes of a config."""
    clips, features = file_features(config, read_clips(config, "train"))

    def make(shards, embedder, clips, features, augment):
        for shard in shards:
            names = [clips[clip].name for clip in shard.clips]
            shard.offsets = write_shard(shard, names, [embeddings[name] for name in names])

    store_embeddings(folder, embedder, clips, features, make=make)


def choose_scenes(root, kinds, others, each):
    """Rows of the captions of scenes without the kinds, {kind: rows of scenes that have it and one sound at most}."""
    scenes = json.loads((root / "events.json").read_text(encoding="utf-8"))["train"]
    sounds = {name: {event["category"] for event in scene["events"]} for name, scene in scenes.items()}
    with open(root / "captions_train.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    without = [row for row in rows if not sounds[row["file_name"]] & set(kinds)][:others]
    chosen = {kind: [] for kind in kinds}
    for row in rows:
        own = sounds[row["file_name"]] & set(kinds)
        if len(own) == 1 and len(sounds[row["file_name"]]) <= 2:
            chosen[next(iter(own))].append(row)
    return scenes, without, {kind: rows[:each] for kind, rows in chosen.items()}


def prepare(options, config, console):
    """Writes the corpora and their embeddings; returns the overrides of each cell."""
    root, folder = pathlib.Path(config.data.root), options.runs
    scenes, without, chosen = choose_scenes(root, options.kinds, options.others, options.each)
    added = [row for rows in chosen.values() for row in rows]
    corpora = {NONE: without, RECORDINGS: without + added, DRAWN: without + added}
    places = {name: (folder / f"scenes{index}", folder / f"store{index}") for index, name in enumerate(corpora)}
    cells = {name: [f"data.root={root}", f"data.embedding_folder={kept}"] for name, (root, kept) in places.items()}
    for name, rows in corpora.items():
        write_corpus(places[name][0], root, rows)
    embedder = build_frozen_encoder(config)
    own = load_config("everyday", [*TRAINING, *options.overrides, *cells[RECORDINGS]])
    clips, features = prepare_features(own, read_clips(own, "train"), embedder, progress=console.progress)
    embeddings = {clip.name: features.load(index).numpy() for index, clip in enumerate(clips)}
    start, hop = embedder.segment_times
    windows = Windows(embeddings, scenes, start - hop, hop)
    names = [row["file_name"] for row in without]
    drawer = Drawer(windows, names, read_weights(os.environ["AAC_TF_YAMNET"]))
    rng, drawn = np.random.default_rng(0), dict(embeddings)
    for kind, rows in chosen.items():
        classes = [class_names().index(name) for name in KINDS[kind]]
        donors = drawer.donors(classes)
        for row in rows:
            name = row["file_name"]
            sounding = windows.sounding(name, kind, PARTLY)
            drawn[name] = embeddings[name].copy()
            drawn[name][sounding] = drawer.draw(int(sounding.sum()), classes, donors, rng)
    for name, content in ((NONE, embeddings), (DRAWN, drawn)):
        cell = load_config("everyday", [*TRAINING, *options.overrides, *cells[name]])
        store(cell, embedder, places[name][1], content)
    return cells


def main(arguments=None):
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", required=True, nargs="+", help="folders of labelled recordings")
    parser.add_argument("--grown", nargs="*", default=[], help="folders that aac-bank made from them for the training")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--others", type=int, default=2000, help="scenes without the kinds")
    parser.add_argument("--each", type=int, default=60, help="scenes of each kind")
    parser.add_argument(
        "--runs", type=pathlib.Path, default="runs/drawn_embeddings", help="folder for all that is made"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2, help="runs to train at once")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args(arguments)
    overrides = [*TRAINING, *options.overrides]
    rate, labelled = recordings_of(options.bank, options.grown)
    if missing := set(options.kinds) - {label for label, _ in labelled}:
        parser.error(f"the banks have no recordings of {', '.join(sorted(missing))} to measure with: leave them out")
    cells = prepare(options, load_config("everyday", overrides), Console())
    grid = Grid("everyday", overrides, cells, options.seeds, options.runs, options.jobs)
    grid.train()
    print("\n| | mean over the kinds | over the other labels | " + " | ".join(options.kinds) + " |")
    print("| --- |" + " ---: |" * (2 + len(options.kinds)))
    for name in cells:
        found = [
            measure(Captioner.load(grid.folder(name, seed)), labelled, rate, "audiocaps") for seed in options.seeds
        ]
        shares = [{label: share for label, (_, share) in shares.items()} for _, shares, _ in found]
        own = [np.mean([one[kind] for kind in options.kinds]) for one in shares]
        others = [np.mean([share for label, share in one.items() if label not in options.kinds]) for one in shares]
        means = [f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" for values in (own, others)]
        each = [f"{np.mean([one[kind] for one in shares]):.2f}" for kind in options.kinds]
        print(f"| {name} | " + " | ".join(means + each) + " |", flush=True)


if __name__ == "__main__":
    main()
