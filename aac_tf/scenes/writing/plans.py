"""What a written caption says: which sounds occur in a place, when and how."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Sequence

import numpy as np

from aac_tf.scenes.script import ScriptedSound
from aac_tf.scenes.sounds import SOUNDS
from aac_tf.scenes.wording import categories_for
from aac_tf.scenes.writing.phrases import Meaning, Setting, Weighted, choose, kind_of, setting_of
from aac_tf.scenes.writing.places import Place, places

# (weight, numbers of sounds of the steps, number of beds)
_SHAPES = (
    (13.0, (1,), 0),
    (21.0, (1,), 1),
    (3.0, (1,), 2),
    (18.0, (2,), 0),
    (4.0, (2,), 1),
    (3.0, (3,), 0),
    (18.0, (1, 1), 0),
    (8.0, (1, 1), 1),
    (6.0, (1, 1, 1), 0),
    (3.0, (2, 1), 0),
    (3.0, (1, 2), 0),
)
_DESCRIBED = 0.3  # share of the sounds of which a caption says more than that they are there
_BACKGROUND = 0.65  # share of the steady beds that are said to be in the background; all others are
_FOLLOWED = 0.4  # share of the second steps that follow what `sequences` says


@dataclasses.dataclass(frozen=True)
class Part:
    """A sound of a plan.

    Args:
        category: its category.
        meaning: the sounds of the phrase that names it: two for two dogs.
        setting: what the caption says of it besides; None for nothing.
        background: whether it is in the background.
    """

    category: str
    meaning: Meaning
    setting: Setting | None = None
    background: bool = False

    def sounds(self, first: int, last: int) -> list[ScriptedSound]:
        """Its sounds from a first to a last step."""
        settings = dict([self.setting] if self.setting else [])
        if self.background:
            settings["background"] = True
        return [dataclasses.replace(sound, first=first, last=last, **settings) for sound in self.meaning]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a caption says.

    Args:
        steps: the sounds of each step.
        beds: sounds that last through all steps.
    """

    steps: tuple[tuple[Part, ...], ...]
    beds: tuple[Part, ...] = ()

    def sounds(self) -> Meaning:
        """All sounds, in an order that does not depend on the words."""
        found = [sound for step, parts in enumerate(self.steps) for part in parts for sound in part.sounds(step, step)]
        found += [sound for bed in self.beds for sound in bed.sounds(0, len(self.steps) - 1)]
        return in_order(found)


def in_order(sounds: Sequence[ScriptedSound]) -> Meaning:
    """Sorts the sounds of a script, which do not depend on their order."""
    return tuple(sorted(sounds, key=lambda sound: (sound.first, sound.background, sound.category, str(sound))))


class Planner:
    """Draws plans whose sounds a bank has.

    Places are drawn by their weights and by how much of what occurs in them the bank has.

    Args:
        categories: categories of the bank, such as `Bank.categories`.

    Example:
        >>> import numpy as np
        >>> from aac_tf.scenes.writing.plans import Planner
        >>> plan = Planner(["dog bark", "man speaking", "rain"]).draw(np.random.default_rng(1))
        >>> {sound.category for sound in plan.sounds()} <= {"dog bark", "man speaking", "rain"}
        True
    """

    def __init__(self, categories: Collection[str]):
        available = frozenset(categories)

        @functools.cache
        def usable(category):
            named = SOUNDS[category].parts or (category,)
            return bool(kind_of(category).phrases) and all(categories_for(name, available) for name in named)

        self._table = places()
        self._places: list[Place] = []
        for place in self._table.places:
            sounds, beds = ([item for item in cell if usable(item[0])] for cell in (place.sounds, place.beds))
            covered = sum(weight for _, weight in sounds) / sum(weight for _, weight in place.sounds)
            if len(sounds) > 1:
                self._places.append(Place(place.name, place.weight * covered, sounds, beds))
        self._usable = usable

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that plans may have, sorted."""
        return tuple(
            sorted({name for place in self._places for cell in (place.sounds, place.beds) for name, _ in cell})
        )

    def draw(self, rng: np.random.Generator) -> Plan:
        """Draws a plan."""
        place = self._places[choose([(index, place.weight) for index, place in enumerate(self._places)], rng)]
        while True:
            numbers, beds = choose([((steps, beds), weight) for weight, steps, beds in _SHAPES], rng)
            plan = self._fill(place, numbers, beds, rng)
            if plan is not None:
                return plan

    def _fill(self, place, numbers, beds, rng) -> Plan | None:
        taken: list[str] = []

        def take(cell: Weighted, at_once: Sequence[str], short: bool = False):
            left = [
                (name, weight)
                for name, weight in cell
                if not (short and SOUNDS[name].sustained) and not self._excludes(taken, at_once, name)
            ]
            if left:
                taken.append(choose(left, rng))
            return bool(left)

        mixed = len(numbers) > 1 and max(numbers) > 1
        for step, number in enumerate(numbers):
            for order in range(number):
                cell = place.sounds
                if step and number == 1 and rng.uniform() < _FOLLOWED:
                    followers = self._table.followers.get(taken[-1], [])
                    cell = [item for item in followers if self._usable(item[0])] or cell
                # "a while b and then c" would let a steady sound last until the end.
                if not take(cell, taken[len(taken) - order :], short=mixed and number > 1):
                    return None
        if not all(take(place.beds, taken) for _ in range(beds)):
            return None
        names = iter(taken)
        steps = tuple(tuple(self._part(next(names), rng, beds=beds) for _ in range(number)) for number in numbers)
        return Plan(steps, tuple(self._part(name, rng, bed=True, beds=beds) for name in names))

    def _excludes(self, taken, at_once, name):
        """Whether a scene with some sounds has none of this name: the same, a kind of it, or one to be kept apart.

        `at_once` are those sounds of the scene that would be heard at the same time.
        """
        return (
            any(set(categories_for(name, SOUNDS)) & set(categories_for(other, SOUNDS)) for other in taken)
            or _share_group(name, taken, self._table.apart)
            or _share_group(name, at_once, self._table.in_turn)
        )

    def _part(self, category, rng, bed=False, beds=0) -> Part:
        kind = kind_of(category)
        meanings = [(meaning, sum(weight for _, weight in found)) for meaning, found in kind.phrases.items()]
        still = [item for item in meanings if item[0][0].motion == "none"] if bed else meanings
        meaning = choose(still or meanings, rng)
        background = bed and (beds > 1 or not SOUNDS[category].sustained or rng.uniform() < _BACKGROUND)
        setting = None
        if kind.adverbs and not background and rng.uniform() < _DESCRIBED:
            setting = setting_of(choose(kind.adverbs, rng))
            if setting and any(getattr(sound, setting[0]) != _DEFAULTS[setting[0]] for sound in meaning):
                setting = None
            # What approaches or passes is not far away all the time.
            if setting == ("distant", True) and meaning[0].motion != "none":
                setting = None
        return Part(category, meaning, setting, background)


def _share_group(name, others, groups):
    return any(name in group and not group.isdisjoint(others) for group in groups)


_DEFAULTS = {field.name: field.default for field in dataclasses.fields(ScriptedSound)}
