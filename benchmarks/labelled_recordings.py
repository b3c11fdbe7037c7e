"""Which sounds a captioner names in labelled recordings that it was not trained on.

    python benchmarks/labelled_recordings.py --run everyday --bank sounds ESC-50 ESC-10 --grown derived

Captions the validation and test recordings of a bank, as `FolderBank(..., train_first=True)` divides it, as they are:
without a scene around them. Give all folders that the captioner was trained on, since they are divided together; those
of `--grown`, which aac-bank made from the others, are not captioned. With `--licences free`, as in the training of
`everyday-free`, the recordings are those that such a training leaves out: up to 8 of each label, with other licences,
and independent of those that it uses. A recording counts as named if its caption names
the label, a kind of it, or what it is a kind of (a "vehicle" for a bus). Prints the share of the recordings that are
named, the mean share over the labels, the share of the named sounds that are the label, and all labels with their
shares; with several runs, one column for each. `--scenes` groups the labels by the number of training scenes in the
folder of a corpus.
"""

import argparse
import collections
import json
import pathlib

import numpy as np

from aac_tf.inference import Captioner
from aac_tf.scenes.banks import FolderBank
from aac_tf.scenes.banks.labels import read_labels, related
from aac_tf.scenes.corpus import read_scenes
from aac_tf.scenes.files import bank_folders
from aac_tf.scenes.licences import LicenceFilter, licence_names
from aac_tf.scenes.mentions import find_mentions
from aac_tf.scenes.wording import canonical_category, same_kind, words_of

EACH = 8  # recordings of a label


def recordings_of(folders, grown):
    """Sample rate, and [(label, waveform)] of the recordings of `folders` that are not for training."""
    bank = FolderBank([*folders, *grown], train_first=True)
    _, rows = read_labels(bank.folders)
    measured = {row.name for row in rows if row.folder < len(folders)}
    return bank.sample_rate, [
        (canonical_category(category), bank.waveform(name))
        for split in ("validation", "test")
        for category in bank.available(split)
        for name in bank.files(category, split)
        if name in measured
    ]


def recordings_without(licences, folders):
    """Like `recordings_of`, but the recordings that a training with `scenes.licences` leaves out."""
    given, paths = zip(*bank_folders(",".join(folders)))
    bank = FolderBank(paths)
    table, rows = read_labels(bank.folders)
    kept = LicenceFilter(licence_names(licences), given).select(rows, table, bank.folders).recordings
    kept, units = {row.name for row in kept}, related(rows, False, neighbours=True)
    trained = {unit for row, unit in zip(rows, units) if row.name in kept}
    labelled = collections.defaultdict(list)
    for row, unit in zip(rows, units):
        if unit not in trained and row.name not in bank.skipped and len(labelled[row.category]) < EACH:
            labelled[row.category].append(row.name)
    return bank.sample_rate, [
        (canonical_category(category), bank.waveform(name)) for category, names in labelled.items() for name in names
    ]


def measure(captioner, labelled, rate, style):
    """Scores, and {label: (recordings, share named)}."""
    found = captioner.caption([waveform for _, waveform in labelled], sample_rate=rate, style=style)
    hits, right, named = collections.defaultdict(list), 0, 0
    for (label, _), caption in zip(labelled, found):
        sounds = {category for _, _, category in find_mentions(words_of(caption.text))}
        own = {sound for sound in sounds if same_kind(label, sound)}
        hits[label].append(bool(own))
        right, named = right + len(own), named + len(sounds)
    shares = {label: (len(own), float(np.mean(own))) for label, own in hits.items()}
    scores = {
        "recordings named": float(np.mean([hit for own in hits.values() for hit in own])),
        "mean over the labels": float(np.mean([share for _, share in shares.values()])),
        "named sounds that are right": right / max(named, 1),
    }
    return scores, shares, [caption.text for caption in found]


def by_scenes(shares, folder):
    """{range of numbers of scenes: (labels, mean share)}."""
    scenes = collections.Counter(
        name for scene in read_scenes(folder, "train").values() for name in {event.category for event in scene.events}
    )
    groups = collections.defaultdict(list)
    for label, (_, share) in shares.items():
        first = int(2 ** np.floor(np.log2(max(scenes[label], 1))))
        groups[min(first, 1024)].append(share)
    return {first: (len(group), float(np.mean(group))) for first, group in sorted(groups.items())}


def main():
    """Measures the runs on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, nargs="+", help="run folders or presets")
    parser.add_argument("--bank", required=True, nargs="+", help="folders of labelled recordings")
    parser.add_argument("--grown", nargs="*", default=[], help="folders that aac-bank made from them for the training")
    parser.add_argument("--licences", help="licences of the recordings that the captioner was trained on")
    parser.add_argument("--style", help="style of the captions; default: that of the run")
    parser.add_argument("--scenes", help="folder of composed scenes, to group the labels by their number of scenes")
    parser.add_argument("--json", type=pathlib.Path, help="file for everything that was found")
    options = parser.parse_args()
    if options.licences:
        rate, labelled = recordings_without(options.licences, options.bank)
    else:
        rate, labelled = recordings_of(options.bank, options.grown)
    results = {run: measure(Captioner.load(run), labelled, rate, options.style) for run in options.run}
    print(f"\n| {len(labelled)} recordings | " + " | ".join(results) + " |\n| --- |" + " ---: |" * len(results))
    for name in next(iter(results.values()))[0]:
        print(f"| {name} | " + " | ".join(f"{scores[name]:.3f}" for scores, _, _ in results.values()) + " |")
    if options.scenes:
        groups = [by_scenes(shares, options.scenes) for _, shares, _ in results.values()]
        for first, (labels, _) in groups[0].items():
            cells = " | ".join(f"{group[first][1]:.3f}" for group in groups)
            print(f"| in {first} scenes or more ({labels} labels) | {cells} |")
    first = next(iter(results.values()))[1]
    for label, (count, _) in sorted(first.items(), key=lambda item: (-item[1][0], item[0])):
        print(
            f"| {label} ({count}) | "
            + " | ".join(f"{shares[label][1]:.2f}" for _, shares, _ in results.values())
            + " |"
        )
    if options.json:
        labels = [label for label, _ in labelled]
        found = {
            run: {"scores": scores, "captions": list(zip(labels, captions))}
            for run, (scores, _, captions) in results.items()
        }
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
