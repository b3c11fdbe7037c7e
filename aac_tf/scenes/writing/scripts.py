"""Writing scripts with several captions each."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

import numpy as np

from aac_tf.datasets import DatasetError
from aac_tf.scenes.banks import Bank
from aac_tf.scenes.script import Script
from aac_tf.scenes.selection import SHARES
from aac_tf.scenes.writing.plans import Planner
from aac_tf.scenes.writing.sentences import write_caption

_MORE = 1.2  # plans for each scene, since the splits are divided by chance
# Raise it with any change that writes other captions for the same arguments.
WRITING_VERSION = 1


def write_scripts(
    categories: Collection[str],
    count: int,
    seed: int = 0,
    captions: int = 5,
    progress: Callable[[int, int], None] | None = None,
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
    planner = Planner(categories)
    if len(planner.categories) < 2:
        raise DatasetError(
            f"captions need a bank with at least two sounds that occur in the same place; got {', '.join(categories)}"
        )
    scripts = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        texts: dict[str, None] = {}
        while not texts:
            plan = planner.draw(rng)
            for _ in range(2 * captions):
                texts |= dict.fromkeys(filter(None, [write_caption(plan, rng)]))
                if len(texts) == captions:
                    break
        scripts += [Script(text, plan.sounds(), f"written {index}") for text in texts]
        if progress is not None:
            progress(index + 1, count)
    return scripts


def write_scripts_for(
    bank: Bank,
    counts: Mapping[str, int],
    renderings: int = 1,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Script]:
    """Writes enough scripts for numbers of scenes, since scripts are divided into splits by chance.

    Args:
        bank: the bank; only sounds that all wanted splits have are used.
        counts: {split: number of scenes}.
        renderings: number of scenes for each script.
        seed: seed of all random choices.
        progress: as for `write_scripts`.

    Returns:
        As for `write_scripts`.
    """
    wanted = (_MORE * count / renderings / SHARES[split] for split, count in counts.items())
    return write_scripts(bank.available("train"), math.ceil(max(wanted)), seed, progress=progress)
