"""The stretches of a recording in which one sound dominates."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np

from aac_tf.scenes.sound_classes import SoundClasses

THRESHOLD = 0.7
MARGIN = 0.2
MIN_SECONDS = 0.9
MAX_SECONDS = 30.0


@dataclasses.dataclass(frozen=True)
class Stretch:
    """A part of a recording with one dominant sound.

    Args:
        category: the sound.
        score: mean of its scores.
        start: begin in seconds.
        end: end in seconds.
    """

    category: str
    score: float
    start: float
    end: float


def check_limits(threshold: float, margin: float, min_seconds: float, max_seconds: float) -> None:
    """Raises `ValueError` if arguments of `find_stretches` are out of range."""
    if not 0 < threshold <= 1:
        raise ValueError(f"the threshold is a score above 0 and up to 1; got {threshold:g}")
    if not 0 <= margin <= 1:
        raise ValueError(f"the margin is a difference of scores from 0 to 1; got {margin:g}")
    if not 0 < min_seconds <= max_seconds < math.inf:
        raise ValueError(f"lengths are seconds with 0 < minimum <= maximum; got {min_seconds:g} and {max_seconds:g}")


def find_stretches(
    scores: np.ndarray,
    known: SoundClasses,
    segment_times: tuple[float, float],
    seconds: float,
    threshold: float = THRESHOLD,
    margin: float = MARGIN,
    min_seconds: float = MIN_SECONDS,
    max_seconds: float = MAX_SECONDS,
) -> list[Stretch]:
    """Finds the stretches in which one sound dominates.

    A sound dominates a segment if its score reaches `threshold` and exceeds that of every rival by `margin`. If this
    holds for several sounds, none of which is a rival of another, the most specific one counts: an owl, not a bird.
    Sounds that are too vague, such as an animal or a vehicle, give no stretch.

    Args:
        scores: float `[segments, classes]`, from 0 to 1.
        known: the sounds of these classes.
        segment_times: (first, hop) in seconds; segment i is centred at first + i * hop.
        seconds: length of the recording.
        threshold: minimum score.
        margin: minimum distance to the score of the strongest rival.
        min_seconds: shorter stretches are left out.
        max_seconds: longer stretches are divided into equal parts.

    Returns:
        The stretches, in order of time.

    Example:
        >>> import numpy as np
        >>> from aac_tf.scenes.sound_classes import sound_classes
        >>> from aac_tf.labelling.stretches import find_stretches
        >>> known = sound_classes(["Animal", "Dog", "Cat"])
        >>> dog, both, cat = [0.9, 0.8, 0.1], [0.9, 0.6, 0.5], [0.9, 0.1, 0.7]
        >>> scores = np.array([dog, dog, both, cat, cat, cat])
        >>> for stretch in find_stretches(scores, known, (0.5, 0.5), 3.1):
        ...     print(stretch.category, round(stretch.score, 2), stretch.start, stretch.end)
        dog bark 0.8 0.0 1.25
        cat 0.7 1.75 3.1
    """
    first, hop = segment_times
    of_sound = known.scores(scores)
    winners = _dominant(of_sound, known, threshold, margin)
    found = []
    for winner, run in itertools.groupby(range(len(winners)), key=lambda index: winners[index]):
        if winner < 0:
            continue
        indices = list(run)
        # Segments overlap: each stands for the time that is closest to its centre.
        start = 0.0 if indices[0] == 0 else first + (indices[0] - 0.5) * hop
        end = seconds if indices[-1] + 1 == len(winners) else min(first + (indices[-1] + 0.5) * hop, seconds)
        if end - start < min_seconds:
            continue
        parts = max(1, math.ceil((end - start) / max_seconds))
        bounds = np.linspace(start, end, parts + 1).tolist()
        for values, (begin, stop) in zip(np.array_split(of_sound[indices, winner], parts), itertools.pairwise(bounds)):
            found.append(Stretch(known.categories[winner], float(values.mean()), begin, stop))
    return found


def _dominant(of_sound, known, threshold, margin):
    """The index of each segment's dominant sound, -1 for none."""
    rivals = np.stack([of_sound[:, row].max(axis=1, initial=0.0) for row in known.rivals], axis=1)
    dominates = (of_sound >= threshold) & (of_sound - rivals >= margin) & ~known.vague
    # Scores are at most 1, so that they only decide among equally specific sounds.
    rank = np.where(dominates, of_sound - 2.0 * np.array(known.breadth), -np.inf)
    return np.where(dominates.any(axis=1), rank.argmax(axis=1), -1).tolist()
