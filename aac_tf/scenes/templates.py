"""Captions of scenes: which sounds occur, in which order, and in front of which background."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from aac_tf.scenes.events import Event
from aac_tf.scenes.wording import wording

MAX_WORDS = 20

# (weight, template): {0}, {1} and {2} are the foreground sounds in order; .p, .g and .n are their wordings in the
# simple present, in the progressive and as a noun. The first template is far more likely than the others, so that
# there is a most likely wording for a captioner to learn.
_SEQUENCES = {
    1: ((4, "{0.p}"), (3, "{0.g}"), (2, "{0.n}"), (1, "the sound of {0.n}"), (1, "{0.n} can be heard")),
    2: (
        (8, "{0.p} and then {1.p}"),
        (3, "{0.g} and then {1.g}"),
        (3, "{0.p} then {1.p}"),
        (3, "{0.n} followed by {1.n}"),
        (2, "{0.p} followed by {1.n}"),
        (1.5, "{0.p} before {1.p}"),
        (1.5, "{1.p} after {0.p}"),
        (0.5, "after {0.p}, {1.p}"),
    ),
    3: (
        (8, "{0.p} and then {1.p} and then {2.p}"),
        (3, "{0.p} then {1.p} and then {2.p}"),
        (3, "{0.n} followed by {1.n} and then {2.n}"),
        (2, "{0.p} and then {1.p} followed by {2.n}"),
        (1.5, "{0.p} and then {1.p} before {2.p}"),
        (1, "{1.p} after {0.p} and then {2.p}"),
        (0.5, "after {0.p}, {1.p} and then {2.p}"),
    ),
}
_SIMULTANEOUS = (
    (8, "{0.p} while {1.p}"),
    (3, "{0.g} while {1.g}"),
    (3, "{0.p} as {1.p}"),
    (2, "{1.p} while {0.p}"),
    (2, "{0.n} and {1.n} at the same time"),
)
_BACKGROUND = (
    (8, "{core} while {0.p} in the background"),
    (3, "{core} while {0.g} in the background"),
    (3, "{core} with {0.n} in the background"),
    (1.5, "{core} as {0.p}"),
    (1.5, "{core} over the sound of {0.n}"),
)


class _Slot:
    """A sound in a template: `.p`, `.g` and `.n` are its wordings."""

    def __init__(self, category):
        words = wording(category)
        self.p, self.g, self.n = words.present, words.progressive, words.noun


def weighted_captions(events: Sequence[Event]) -> list[tuple[float, str]]:
    """Lists all captions that the templates have for a scene.

    Args:
        events: events in order of onset: one to three in the foreground (three only in sequence) and at most one in
            the background.

    Returns:
        list of (weight, caption), the most likely first.

    Raises:
        ValueError: if there is no template for the scene.

    Example:
        >>> from aac_tf.scenes.events import Event
        >>> from aac_tf.scenes.templates import weighted_captions
        >>> dog, bell = Event("dog bark", 1, 2, "foreground", -20), Event("bell", 3, 5, "foreground", -20)
        >>> weighted_captions([dog, bell])[0]
        (8, 'a dog barks and then a bell tolls')
    """
    front = [event for event in events if event.role == "foreground"]
    behind = [event for event in events if event.role == "background"]
    sequential = all(first.offset <= second.onset for first, second in itertools.pairwise(front))
    templates = _SEQUENCES.get(len(front)) if sequential else _SIMULTANEOUS if len(front) == 2 else None
    if templates is None or len(behind) > 1:
        raise ValueError(
            "captions need one to three foreground sounds in sequence, or two at once, and at most one background "
            f"sound; got {[(event.role, event.category) for event in events]}"
        )
    slots = [_Slot(event.category) for event in front]
    captions = [(weight, template.format(*slots)) for weight, template in templates]
    if behind:
        slot = _Slot(behind[0].category)
        captions = [
            (weight * core_weight, template.format(slot, core=core))
            for (core_weight, core), (weight, template) in itertools.product(captions, _BACKGROUND)
        ]
    captions.sort(key=lambda pair: (-pair[0], pair[1]))
    short = [pair for pair in captions if len(pair[1].split()) <= MAX_WORDS]
    return short if len(short) >= 5 else captions  # long unknown labels may leave fewer than five


def write_captions(events: Sequence[Event], rng: np.random.Generator, count: int = 5) -> list[str]:
    """Draws different captions of a scene, likely wordings more often than others.

    Args:
        events: as for `weighted_captions`.
        rng: random generator.
        count: number of captions, at most 5.

    Returns:
        The captions.

    Raises:
        ValueError: if there is no template for the scene.
    """
    captions = weighted_captions(events)
    weights = np.array([weight for weight, _ in captions])
    drawn = rng.choice(len(captions), size=count, replace=False, p=weights / weights.sum())
    return [captions[index][1] for index in drawn]
