"""Scores of a captioner on real recordings, beside floors and a ceiling, by kind of sound and by coverage.

    python benchmarks/real_recordings.py --run RUN --captions AUDIOCAPS.csv --captions CLOTHO_1.csv CLOTHO_2.csv

A CSV (file_name, caption_1 ... caption_5) lies in the folder of its sound files, or beside it as in Clotho. Each
`--captions` is a set of recordings. For each set: BLEU-1, BLEU-4, METEOR and CIDEr with bootstrap intervals of

- the captioner;
- YAMNet's two strongest classes in a template, if the captioner has YAMNet;
- one caption for all clips: of all human captions, the one with the highest CIDEr (an optimistic floor);
- the captioner's captions, shuffled among the clips (mean of 20 shuffles);
- a human: each human caption against the others of its clip.

Then F1 of the sounds that captions name, where a sound counts as present if two humans name it; and CIDEr of the
captioner by the number of a clip's human captions that can be read as scripts, and by kind of sound. The recordings
are for measuring: never train on them, and never choose a checkpoint or a setting by them.
"""

import argparse
import collections
import json
import pathlib

import numpy as np

from aac_tf.audio import AudioError
from aac_tf.datasets import match_audio
from aac_tf.datasets.csv_files import read_captions
from aac_tf.evaluation.confidence import confidence_intervals
from aac_tf.evaluation.scoring import compute_scores
from aac_tf.inference import Captioner
from aac_tf.scenes.mentions import find_mentions
from aac_tf.scenes.scripts import ScriptError, read_script
from aac_tf.scenes.wording import words_of

METRICS = ["bleu", "meteor", "cider"]
SHOWN = ("bleu_1", "bleu_4", "meteor", "cider")
SHUFFLES = 20


def scores_of(captions, references):
    """Scores and intervals as `{score: (value, low, high)}`, and CIDEr of each clip."""
    scores = compute_scores(captions, references, METRICS)
    intervals = confidence_intervals(scores.found)
    cider = dict(zip(scores.ids, scores.found["cider"].per_item.tolist()))
    return {name: (scores.found[name].corpus, *intervals[name]) for name in SHOWN}, cider


def best_single_caption(references):
    """The human caption whose CIDEr is highest when all clips get it."""
    candidates = {text for texts in references.values() for text in texts}

    def score(text):
        return compute_scores(dict.fromkeys(references, text), references, ["cider"]).found["cider"].corpus

    # Most captions are far off: the words that they share with all others tell which ones are worth scoring.
    words = collections.Counter(word for texts in references.values() for text in texts for word in set(words_of(text)))
    common = sorted(candidates, key=lambda text: (-np.mean([words[word] for word in words_of(text)]), text))
    return max(common[:30], key=score)


def human_scores(references):
    """Mean scores of each human caption against the others of its clip, as those of `scores_of`."""
    count = min(map(len, references.values()))
    found = []
    for left_out in range(count):
        others = {name: texts[:left_out] + texts[left_out + 1 :] for name, texts in references.items()}
        found.append(scores_of({name: texts[left_out] for name, texts in references.items()}, others)[0])
    return {name: tuple(np.mean([scores[name] for scores in found], axis=0).tolist()) for name in SHOWN}


def shuffled_scores(captions, references):
    """Mean scores of captions that were given to other clips."""
    rng, names, found = np.random.default_rng(0), list(captions), []
    for _ in range(SHUFFLES):
        shift = int(rng.integers(1, len(names)))
        order = rng.permutation(len(names))
        moved = {names[order[i]]: captions[names[order[(i + shift) % len(names)]]] for i in range(len(names))}
        found.append({name: score.corpus for name, score in compute_scores(moved, references, METRICS).found.items()})
    return {name: (float(np.mean([scores[name] for scores in found])), None, None) for name in SHOWN}


def named_sounds(captions, at_least=1):
    """Categories that at least so many of the captions name."""
    counts = collections.Counter(
        category for text in captions for category in {found for _, _, found in find_mentions(words_of(text))}
    )
    return {category for category, count in counts.items() if count >= at_least}


def readable(captions):
    """Number of the captions that can be read as scripts."""
    count = 0
    for text in captions:
        try:
            read_script(text)
            count += 1
        except ScriptError:
            pass
    return count


def tag_scores(captions, references):
    """Precision, recall and F1 of the sounds that captions name."""
    hits = named = present = 0
    for name, text in captions.items():
        true, found = named_sounds(references[name], at_least=2), named_sounds([text])
        hits, named, present = hits + len(true & found), named + len(found), present + len(true)
    return {
        "precision": hits / max(named, 1),
        "recall": hits / max(present, 1),
        "f1": 2 * hits / max(named + present, 1),
    }


def by_group(groups, cider):
    """{group: (clips, mean CIDEr)}, the largest groups first, of `{clip: groups}`."""
    members = collections.defaultdict(list)
    for name, names in groups.items():
        for group in names:
            members[group].append(cider[name])
    rows = sorted(members.items(), key=lambda row: (-len(row[1]), str(row[0])))
    return {str(group): (len(values), float(np.mean(values))) for group, values in rows}


def sound_folder(path):
    """The folder of the sound files of a CSV: in Clotho's layout, `X` beside `clotho_captions_X.csv`."""
    folder = path.parent / path.stem.rsplit("_", 1)[-1]
    return folder if folder.is_dir() else path.parent


def measure(captioner, paths, beam_size, style, show):
    """All scores of a set of recordings, as a JSON object."""
    clips = [clip for path in paths for clip in match_audio(read_captions(path), sound_folder(path))]
    references = {clip.name: clip.captions for clip in clips}
    captions, sounds = {}, {}
    found = captioner.caption_each([clip.path for clip in clips], beam_size, style=style)
    for clip, caption in zip(clips, found):
        if isinstance(caption, AudioError):
            raise SystemExit(str(caption))
        captions[clip.name] = caption.text
        sounds[clip.name] = caption.sounds
    own, cider = scores_of(captions, references)
    rows = {"captioner": own}
    if None not in sounds.values():
        template = {
            name: " and ".join(sound.name.lower() for sound in heard[:2] or []) or "something"
            for name, heard in sounds.items()
        }
        rows["YAMNet's two strongest classes"] = scores_of(template, references)[0]
    single = best_single_caption(references)
    rows[f"one caption for all: {single}"] = scores_of(dict.fromkeys(references, single), references)[0]
    rows["captions shuffled"] = shuffled_scores(captions, references)
    rows["a human"] = human_scores(references)
    coverage = {name: [readable(texts)] for name, texts in references.items()}
    for name in list(captions)[:show]:
        print(f"  {name}: {captions[name]}\n      {' | '.join(references[name][:2])}")
    return {
        "clips": len(captions),
        "scores": rows,
        "sounds": tag_scores(captions, references),
        "by_readable_captions": by_group(coverage, cider),
        "by_sound": by_group({name: named_sounds(texts, 2) for name, texts in references.items()}, cider),
        "captions": captions,
    }


def show_table(title, found):
    """Prints what `measure` found."""
    print(f"\n{title} ({found['clips']} clips)\n{'':60s}" + "".join(f"{name:>20s}" for name in SHOWN))
    for row, scores in found["scores"].items():
        cells = [
            f"{value:.3f}" + (f" [{low:.3f} {high:.3f}]" if low is not None else "")
            for value, low, high in (scores[name] for name in SHOWN)
        ]
        print(f"{row[:60]:60s}" + "".join(f"{cell:>20s}" for cell in cells))
    print("named sounds: " + ", ".join(f"{name} {value:.3f}" for name, value in found["sounds"].items()))
    for title, groups in (
        ("readable human captions", found["by_readable_captions"]),
        ("sound", found["by_sound"]),
    ):
        print(f"CIDEr by {title}: " + ", ".join(f"{name} ({n}) {value:.2f}" for name, (n, value) in groups.items()))


def main():
    """Measures the captioner on the command line on all captions given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="run folder or preset")
    parser.add_argument(
        "--captions",
        required=True,
        nargs="+",
        action="append",
        type=pathlib.Path,
        metavar="CSV",
        help="captions of a set of recordings; may be repeated for other sets",
    )
    parser.add_argument("--beam", type=int, help="beam size; default: that of the run")
    parser.add_argument("--style", help="style of the captions; default: that of the run")
    parser.add_argument("--show", type=int, default=0, help="captions to print")
    parser.add_argument("--json", type=pathlib.Path, help="file for all scores and captions")
    arguments = parser.parse_args()
    captioner = Captioner.load(arguments.run)
    found = {}
    for paths in arguments.captions:
        title = ", ".join(map(str, paths))
        found[title] = measure(captioner, paths, arguments.beam, arguments.style, arguments.show)
        show_table(title, found[title])
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
