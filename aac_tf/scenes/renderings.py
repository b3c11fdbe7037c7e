"""How often the scripts of a corpus are rendered, so that rare sounds have enough scenes to be learnt."""

from __future__ import annotations

import bisect
import collections
import itertools
import logging
import math
from collections.abc import Sequence

import numpy as np

from aac_tf.scenes.banks import Bank
from aac_tf.scenes.script import Script
from aac_tf.scenes.wording import categories_for

logger = logging.getLogger(__name__)

# More scenes of one recording, or with one caption, teach that recording or caption rather than the sound.
_SCENES_PER_RECORDING = 20
_SCENES_PER_SCRIPT = 20


def plan_scenes(
    scripts: Sequence[Script],
    bank: Bank,
    split: str,
    rng: np.random.Generator,
    renderings: int = 1,
    min_scenes: int | None = None,
    most: int | None = None,
) -> list[int]:
    """Chooses the script of each scene of a split.

    People write about speech, engines and birds most of the time, so that most other sounds are in a few scripts only.
    With `min_scenes`, the scripts of such a sound are rendered more often, beginning with the rarest sound, until it is
    in `min_scenes` scenes, or in 20 for each of its recordings or scripts. If the number of scenes is given, those that
    `min_scenes` asks for are planned first, and scripts drawn at random fill the rest.

    Args:
        scripts: scripts of the split.
        bank: the bank.
        split: the split.
        rng: random generator; it shuffles the scenes if there are more of rare sounds.
        renderings: number of scenes for each script.
        min_scenes: number of scenes that each sound should be in; None renders all scripts equally often.
        most: with `min_scenes`, number of scenes; if they are too few for it, the largest minimum that they suffice for
            takes its place. None for as many as there are.

    Returns:
        The index of the script of each scene.

    Example:
        >>> import numpy as np
        >>> from aac_tf.scenes.banks import SyntheticBank
        >>> from aac_tf.scenes.renderings import plan_scenes
        >>> from aac_tf.scenes.script import Script, ScriptedSound
        >>> common, rare = (Script(f"a {name}", (ScriptedSound(name),)) for name in ("siren", "bell"))
        >>> plan = plan_scenes([*[common] * 5, rare], SyntheticBank(), "train", np.random.default_rng(0), min_scenes=4)
        >>> plan.count(5), len(plan)
        (4, 9)
    """
    plan = [index for _ in range(renderings) for index in range(len(scripts))]
    if min_scenes is None:
        return plan
    categories = [sorted({sound.category for sound in script.sounds}) for script in scripts]
    of_category: dict[str, list[int]] = {}
    for index, names in enumerate(categories):
        for name in names:
            of_category.setdefault(name, []).append(index)
    limits = {
        category: min(_SCENES_PER_SCRIPT * len(own), _most_scenes(category, bank, split))
        for category, own in of_category.items()
    }
    if most is None:
        plan = _add_scenes(plan, categories, of_category, limits, min_scenes)
        return [plan[place] for place in rng.permutation(len(plan))]
    rest = [plan[place] for place in rng.permutation(len(plan))]
    of_category = {name: [int(index) for index in rng.permutation(own)] for name, own in of_category.items()}

    def first(minimum):
        return _add_scenes([], categories, of_category, limits, minimum, most)

    # The largest minimum that fits: merely cutting the scenes would leave the rarest sounds with the fewest, or none.
    fits = bisect.bisect_right(range(1, min_scenes + 1), most, key=lambda minimum: len(first(minimum)))
    if fits < min_scenes:
        logger.warning("%d scenes are too few for min_scenes=%d: planned with %d", most, min_scenes, fits)
    plan = first(max(fits, 1))
    plan += rest[: max(0, most - len(plan))]
    return [plan[place] for place in rng.permutation(len(plan))][:most]


def _add_scenes(plan, categories, of_category, limits, minimum, most=math.inf):
    """Adds scenes to a plan until each category is in `minimum` of them; stops after those of `most` and one more."""
    plan = list(plan)
    scenes = collections.Counter(name for index in plan for name in categories[index])
    for category in sorted(of_category, key=lambda name: (len(of_category[name]), name)):
        for index in itertools.cycle(of_category[category]):
            if scenes[category] >= min(minimum, limits[category]):
                break
            if len(plan) > most:
                return plan
            plan.append(index)
            scenes.update(categories[index])
    return plan


def _most_scenes(category, bank, split):
    """Number of scenes that the recordings of a category suffice for."""
    counts = [bank.count(name, split) for name in categories_for(category, bank.available(split))]
    return math.inf if None in counts else _SCENES_PER_RECORDING * sum(counts)
