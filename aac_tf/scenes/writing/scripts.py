"""Writing scripts with several captions each."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np

from aac_tf.datasets import DatasetError
from aac_tf.scenes.banks import Bank
from aac_tf.scenes.script import Script
from aac_tf.scenes.selection import SHARES
from aac_tf.scenes.writing.plans import Planner
from aac_tf.scenes.writing.sentences import write_caption

_CAPTIONS = 5
# Sounds in fewer human captions get written ones, for this many plans.
_FEW_SCRIPTS, _PLANS = 60, 12
_DRAWS_PER_SOUND = 500
_MORE = 1.2  # plans for each scene, since the splits are divided by chance
# Raise it with any change that writes other captions for the same arguments.
WRITING_VERSION = 3


def write_scripts(
    categories: Collection[str],
    count: int,
    seed: int = 0,
    captions: int = _CAPTIONS,
    progress: Callable[[int, int], None] | None = None,
    style: str = "",
) -> list[Script]:
    """Writes captions for sounds that a bank has.

    Plans of what can be heard in a place are drawn, and each is put into several different captions. Every caption is
    read by the parser of human captions, and is kept only if it says exactly what was planned.

    Args:
        categories: categories of the bank, such as `Bank.categories`.
        count: number of plans.
        seed: seed of all random choices; each plan has its own, so that more of them continue the same list.
        captions: number of captions of each plan; simple plans may have fewer.
        progress: optional function `(done, total)`, called after each plan.
        style: style of the captions, empty for none.

    Returns:
        A script for each caption. Those of one plan have the same sounds and `clip`.

    Raises:
        DatasetError: if captions are not possible with these categories.

    Example:
        >>> from aac_tf.scenes.writing import write_scripts
        >>> scripts = write_scripts(["dog bark", "man speaking", "rain", "thunder"], count=3)
        >>> len({script.clip for script in scripts})
        3
    """
    planner = _planner(categories)
    scripts = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        texts: list[str] = []
        while not texts:
            plan = planner.draw(rng)
            texts = _captions_of(plan, captions, rng)
        scripts += [Script(text, plan.sounds(), f"written {index}", style) for text in texts]
        if progress is not None:
            progress(index + 1, count)
    return scripts


def write_missing_scripts(
    bank: Bank,
    scripts: Iterable[Script],
    style: str = "",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Script]:
    """Writes captions for the sounds of a bank that human captions hardly name.

    Args:
        bank: the bank, for whose training sounds captions are written.
        scripts: the human captions.
        style: style of the captions, empty for none.
        seed: seed of all random choices.
        progress: optional function `(done, total)`, called for plans drawn.

    Returns:
        As for `write_scripts`. Each sound that fewer than 60 of the scripts name is in at least 12 plans, of up to five
        captions each, if the table of places has it.
    """
    planner = _planner(bank.available("train"))
    named = collections.Counter(name for script in scripts for name in {sound.category for sound in script.sounds})
    missing = {name: _PLANS for name in planner.categories if named[name] < _FEW_SCRIPTS}
    found = []
    draws = _DRAWS_PER_SOUND * len(missing)
    for index in range(draws):
        if not missing:
            break
        rng = np.random.default_rng([seed, index])
        plan = planner.draw(rng)
        sounds = {sound.category for sound in plan.sounds()}
        texts = _captions_of(plan, _CAPTIONS, rng) if sounds & missing.keys() else []
        found += [Script(text, plan.sounds(), f"written {index}", style) for text in texts]
        if texts:
            missing = {name: left - (name in sounds) for name, left in missing.items()}
            missing = {name: left for name, left in missing.items() if left}
        if progress is not None:
            progress(index + 1, draws)
    if progress is not None and draws:
        progress(draws, draws)
    return found


def write_scripts_for(
    bank: Bank,
    counts: Mapping[str, int],
    renderings: int = 1,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    style: str = "",
) -> list[Script]:
    """Writes enough scripts for numbers of scenes, since scripts are divided into splits by chance.

    Args:
        bank: the bank, for whose training sounds captions are written. Another split cannot use those with a sound
            that it lacks.
        counts: {split: number of scenes}.
        renderings: number of scenes for each script.
        seed: seed of all random choices.
        progress: as for `write_scripts`.
        style: as for `write_scripts`.

    Returns:
        As for `write_scripts`.
    """
    wanted = (_MORE * count / renderings / SHARES[split] for split, count in counts.items())
    return write_scripts(bank.available("train"), math.ceil(max(wanted)), seed, progress=progress, style=style)


def _planner(categories):
    planner = Planner(categories)
    if len(planner.categories) < 2:
        raise DatasetError(
            f"captions need a bank with at least two sounds that occur in the same place; got {', '.join(categories)}"
        )
    return planner


def _captions_of(plan, count, rng):
    """Up to `count` different captions of a plan."""
    texts: dict[str, None] = {}
    for _ in range(2 * count):
        texts |= dict.fromkeys(filter(None, [write_caption(plan, rng)]))
        if len(texts) == count:
            break
    return list(texts)
