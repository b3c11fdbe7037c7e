"""How often the scripts of a corpus are rendered, so that rare sounds have enough scenes to be learnt."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np

from aac_tf.scenes.banks import Bank
from aac_tf.scenes.script import Script
from aac_tf.scenes.wording import categories_for

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
        most: with `min_scenes`, number of scenes; with fewer than it asks for, all sounds lack some. None for as many
            as there are.

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
    rest: list[int] = []
    if most is not None:
        rest, plan = [plan[place] for place in rng.permutation(len(plan))], []
        of_category = {name: [int(index) for index in rng.permutation(own)] for name, own in of_category.items()}
    scenes = collections.Counter(name for index in plan for name in categories[index])
    for category in sorted(of_category, key=lambda name: (len(of_category[name]), name)):
        own = of_category[category]
        wanted = min(min_scenes, _SCENES_PER_SCRIPT * len(own), _most_scenes(category, bank, split))
        place = 0
        while scenes[category] < wanted:
            index = own[place % len(own)]
            plan.append(index)
            scenes.update(categories[index])
            place += 1
    if most is not None:
        plan += rest[: max(0, most - len(plan))]
    return [plan[place] for place in rng.permutation(len(plan))][:most]


def _most_scenes(category, bank, split):
    """Number of scenes that the recordings of a category suffice for."""
    counts = [bank.count(name, split) for name in categories_for(category, bank.available(split))]
    return np.inf if None in counts else _SCENES_PER_RECORDING * sum(counts)
