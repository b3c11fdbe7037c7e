"""The corpus of scenes that are composed from scripts."""

from __future__ import annotations

import hashlib
import logging
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from aac_tf.datasets import SPLITS, DatasetError
from aac_tf.scenes.banks import Bank
from aac_tf.scenes.corpus_files import CAPTIONS, ComposedScene, check_arguments, write_corpus
from aac_tf.scenes.renderings import plan_scenes
from aac_tf.scenes.script import Script
from aac_tf.scenes.script_composer import compose_script
from aac_tf.scenes.selection import select_scripts

logger = logging.getLogger(__name__)

# Raise it with any change that writes other files for the same arguments.
SCRIPTED_VERSION = 9


def write_scripted_scenes(
    root: str | pathlib.Path,
    bank: Bank,
    scripts: Iterable[Script],
    counts: Mapping[str, int | None],
    renderings: int = 1,
    max_alike: int | None = None,
    seed: int = 0,
    min_seconds: float = 10.0,
    max_seconds: float = 10.0,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    captions: int | None = None,
    min_scenes: int | None = None,
    effects: bool = True,
) -> pathlib.Path:
    """Composes scenes from scripts and writes them as a captioned corpus.

    The folder is that of `write_scenes`, with FLAC files. The captions of a scene are its script's and up to four
    others of the same split and style whose scripts have exactly the same sounds. If a script has a style, the captions
    files have a column `style`. `scenes.json` also says how many scripts can be composed and which sounds lack
    recordings.

    Args:
        root: folder to write.
        bank: bank of sounds; `FolderBank(..., train_first=True)` suits scripts best.
        scripts: scripts; those that need sounds that the bank lacks are left out. Clips are divided into splits.
        counts: {split: number of scenes} for any splits; None renders each script of the split `renderings` times.
        renderings: number of scenes for each script. With a number of scenes, as many scripts are taken as are needed
            for it, and if there are not enough, they are rendered more often.
        max_alike: maximum number of scripts with exactly the same sounds and style in a split; None takes all.
        seed: seed of all random choices.
        min_seconds: shortest duration of a scene, at least 2.
        max_seconds: longest duration of a scene.
        progress: called with (scenes written, all scenes) after each scene.
        workers: number of threads, on which the files do not depend; None takes one for each processor.
        captions: number of captions that the scripts were read from, to tell how many of them can be composed.
        min_scenes: number of training scenes that each sound should be in (see `plan_scenes`); None renders all scripts
            equally often. With a number of training scenes, those that it asks for come first.
        effects: as for `compose_script`.

    Returns:
        `root` as a path.

    Raises:
        DatasetError: if no script of the training split can be composed, an argument is out of range, or `root` holds
            other files or other scenes. Another split without scripts is left out, with a warning.
    """
    check_arguments(counts, min_seconds, max_seconds)
    if renderings < 1:
        raise DatasetError(f"renderings must be at least 1; got {renderings}")
    if min_scenes is not None and min_scenes < 1:
        raise DatasetError(f"min_scenes must be at least 1, or None; got {min_scenes}")
    scripts = list(scripts)
    selection = select_scripts(scripts, bank, seed, max_alike, captions)
    logger.log(logging.WARNING if selection.wanted else logging.INFO, "%s", selection.describe())
    plans = _plan(selection, bank, counts, renderings, min_scenes, seed)
    numbers = {split: len(plan) if counts[split] is None else counts[split] for split, plan in plans.items()}
    digest = hashlib.sha256()
    for script in sorted(map(str, scripts)):
        digest.update(f"{script}\n".encode())
    record = {
        "counts": {split: counts[split] for split in SPLITS if split in counts},
        "scenes": numbers,
        "renderings": renderings,
        "max_alike": max_alike,
        "min_scenes": min_scenes,
        "sample_rate": bank.sample_rate,
        "seed": seed,
        "min_seconds": min_seconds,
        "max_seconds": max_seconds,
        "scripts": {
            "digest": digest.hexdigest(),
            "captions": selection.captions,
            "read": selection.read,
            "usable": selection.usable,
            "rendered": {split: len(selection.scripts[split]) for split in SPLITS},
            "wanted": dict(selection.wanted),
        },
        "bank": bank.describe(),
        "scripted_version": SCRIPTED_VERSION,
    }
    if not effects:  # absent otherwise, as in corpora that are older than this option
        record["effects"] = False

    def compose(split, index):
        rng = np.random.default_rng([seed, SPLITS.index(split), index])
        script = selection.scripts[split][plans[split][index % len(plans[split])]]
        waveform, events = compose_script(bank, split, script, rng, min_seconds, max_seconds, effects)
        others = selection.references[split][script.sounds, script.style]
        others = [text for text in others if text != script.caption]
        others = [others[place] for place in rng.permutation(len(others))[: CAPTIONS - 1]]
        return ComposedScene(waveform, events, [script.caption, *others], script.style)

    workers = workers or os.cpu_count() or 1
    return write_corpus(pathlib.Path(root), record, numbers, compose, bank.sample_rate, ".flac", workers, progress)


def _plan(selection, bank, counts, renderings, min_scenes, seed):
    """{split: index of the script of each scene}, without splits for which there are no scripts.

    If there are more scenes, the plan of a split is repeated.
    """
    plans: dict[str, Sequence[int]] = {}
    for split in (split for split in SPLITS if split in counts):
        scripts, count = selection.scripts[split], counts[split]
        if not scripts:
            problem = f"no script of the split {split} can be composed"
            if split == "train":
                raise DatasetError(
                    f"{problem}; of all splits, {selection.describe()}. Give more captions, or a bank with more kinds "
                    "of sound"
                )
            logger.warning(
                "%s, so it is left out: it has no captions, or no recordings for them (stand-ins are for training "
                "alone). Give more captions, or more recordings of each sound",
                problem,
            )
            continue
        if count is not None and (min_scenes is None or split != "train"):
            # As many scripts as these scenes have room for; none is rendered again before all are rendered once.
            plans[split] = range(min(len(scripts), -(-count // renderings)))
            continue
        rng = np.random.default_rng([seed, SPLITS.index(split)])
        plans[split] = plan_scenes(
            scripts, bank, split, rng, renderings, min_scenes if split == "train" else None, count
        )
    return plans
