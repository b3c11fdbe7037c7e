"""Recordings that stand in for sounds with no or few recordings, whose embeddings are drawn in training."""

from __future__ import annotations

import collections
import heapq
import pathlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import yaml

from aac_tf.scenes.banks.labels import ENOUGH, Recording
from aac_tf.scenes.sound_classes import sound_classes
from aac_tf.scenes.sounds import SOUNDS
from aac_tf.scenes.wording import categories_for

_TABLE = pathlib.Path(__file__).with_suffix(".yaml")
COUNT = 40  # stand-ins and recordings of a sound together
_SECONDS = 6.0
_LEAST_SCORE = 1e-7


class StandIn(NamedTuple):
    """A piece of a recording.

    Args:
        logit: mean logit of the class, by which stand-ins are compared.
        row: number of the recording.
        category: the sound that it stands in for.
        drawn: name of the class.
        start: where it begins in the recording, in seconds.
        end: where it ends.
    """

    logit: float
    row: int
    category: str
    drawn: str
    start: float
    end: float


class StandIns:
    """Finds stand-ins: the recordings in which a classifier comes closest to hearing sounds with no or few recordings.

    A captioner learns a sound without recordings from scenes with a stand-in, whose embeddings training moves until the
    classifier hears the sound (`aac_tf.data.drawn_embeddings`). A stand-in is nearest to begin with, and gives the
    sound its beginning, its end and its place among the other sounds of a scene. With few recordings, stand-ins keep
    the captioner from learning these instead of the sound.

    Args:
        class_names: names of the classes of a classifier.
        have: the category of each recording that there is.
        segment_times: as of the `FrozenEncoder`.

    Attributes:
        wanted: {category: (sound whose recordings to use or None for all, numbers of its classes)}.

    Example:
        >>> import numpy as np
        >>> from aac_tf.labelling.stand_ins import StandIns
        >>> from aac_tf.scenes.banks.labels import Recording
        >>> found = StandIns(["Lawn mower", "Vacuum cleaner"], ["vacuum cleaner"], (0.5, 0.5))
        >>> found.add(0, Recording("1.wav", "vacuum cleaner"), np.array([[0.01, 0.9], [0.05, 0.9]]), 1.5)
        >>> [(piece.category, piece.drawn, round(piece.logit, 1)) for piece in found.chosen()]
        [('lawn mower', 'Lawn mower', -3.8)]
    """

    def __init__(self, class_names: Sequence[str], have: Iterable[str], segment_times: tuple[float, float]):
        self._names, self._hop = class_names, segment_times[1]
        self._have = have = collections.Counter(have)
        known = sound_classes(class_names)
        own = {category: (None, classes) for category, classes in zip(known.categories, known.classes)}
        others = {
            category: (rule["of"], tuple(class_names.index(name) for name in rule["classes"] if name in class_names))
            for category, rule in yaml.safe_load(_TABLE.read_text(encoding="utf-8")).items()
        }
        self.wanted = {
            category: (of, classes)
            for category, (of, classes) in {**own, **others}.items()
            if classes and not SOUNDS[category].parts and _lacking(category, have)
        }
        self._best: dict[str, list[StandIn]] = {category: [] for category in self.wanted}

    def add(self, index: int, row: Recording, scores: np.ndarray, seconds: float) -> None:
        """Considers a recording.

        Args:
            index: its number.
            row: its row of a bank's table.
            scores: `[segments, classes]`.
            seconds: its length.
        """
        scores = np.clip(scores, _LEAST_SCORE, 1 - _LEAST_SCORE)
        logits = np.log(scores / (1 - scores))
        count = min(len(logits), max(1, round(_SECONDS / self._hop) - 1))
        sums = np.cumsum(np.pad(logits, ((1, 0), (0, 0))), axis=0)
        means = (sums[count:] - sums[:-count]) / count
        for category, (of, classes) in self.wanted.items():
            if row.category != of if of is not None else categories_for(category, [row.category]):
                continue
            first, place = np.unravel_index(means[:, classes].argmax(), (len(means), len(classes)))
            start = float(first * self._hop)
            piece = StandIn(
                float(means[first, classes[place]]),
                index,
                category,
                self._names[classes[place]],
                start,
                min(seconds, start + _SECONDS),
            )
            best = self._best[category]
            (heapq.heappushpop if len(best) >= COUNT else heapq.heappush)(best, piece)

    def chosen(self, have: Iterable[str] = ()) -> list[StandIn]:
        """The stand-ins, those of a recording together.

        Args:
            have: the category of each sound that there is by now besides the recordings.
        """
        have = self._have + collections.Counter(have)
        best = (sorted(pieces, reverse=True)[: _lacking(category, have)] for category, pieces in self._best.items())
        return sorted((piece for pieces in best for piece in pieces), key=lambda piece: (piece.row, piece.category))


def _lacking(category, have):
    """How many stand-ins a category needs: none if it only has recordings of its members, which have their own."""
    known = have[category] or not categories_for(category, have)
    return COUNT - have[category] if known and have[category] < ENOUGH else 0
