"""The contract of a bank of sounds."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping

import numpy as np

from aac_tf.scenes.wording import wording


class Bank:
    """Labelled sounds to compose scenes from, divided into the splits `train`, `validation` and `test`.

    A subclass sets `kind` and implements `clip`; it extends `describe` by whatever else its sounds depend on.
    `tests/contracts/bank.py` checks all of this.

    Args:
        categories: categories of its sounds.
        sample_rate: Hz.

    Attributes:
        kind: name of the kind of bank.
        categories: the categories, sorted.
        sustained: those that are steady enough to be the background of others.
        sample_rate: Hz.
        drawn: {category: AudioSet classes} of the categories for which the bank has stand-ins, whose embeddings are
            drawn (see `aac_tf.labelling.stand_ins`); such a bank overrides `recording_or_stand_in`.
        only_drawn: those of them that have no recordings.

    Example:
        >>> import numpy as np
        >>> from aac_tf.scenes.banks import Bank
        >>> class NoiseBank(Bank):
        ...     kind = "noise"
        ...     def clip(self, category, split, rng, seconds=None):
        ...         return rng.uniform(-1, 1, round((seconds or 1.0) * self.sample_rate)).astype(np.float32)
        >>> bank = NoiseBank(["rain", "applause"])
        >>> bank.categories, bank.sustained
        (('applause', 'rain'), ('rain',))
        >>> bank.clip("rain", "train", np.random.default_rng(0), seconds=2.0).shape
        (32000,)
    """

    kind = ""

    def __init__(self, categories: Iterable[str], sample_rate: int = 16000):
        self.categories = tuple(sorted(categories))
        self.sustained = tuple(name for name in self.categories if wording(name).sustained)
        self.sample_rate = sample_rate
        self.drawn: Mapping[str, tuple[str, ...]] = {}
        self.only_drawn: frozenset[str] = frozenset()

    def clip(self, category: str, split: str, rng: np.random.Generator, seconds: float | None = None) -> np.ndarray:
        """Draws a sound; no two splits share one.

        Args:
            category: one of `available(split)`.
            split: "train", "validation" or "test".
            rng: random generator; the same state gives the same sound.
            seconds: maximum length, which sustained sounds get exactly, except for silence at their ends. None takes
                a natural length.

        Returns:
            Waveform [samples], float32, of any level, without silence at its ends.
        """
        raise NotImplementedError

    def available(self, split: str) -> tuple[str, ...]:
        """The categories that have sounds in a split: all of them, unless a subclass says otherwise."""
        return self.categories

    def count(self, category: str, split: str) -> int | None:
        """The number of recordings of a category in a split; None if there is no limit, as for synthesized sounds."""
        return None

    def recording(self, category: str, split: str, rng: np.random.Generator) -> np.ndarray:
        """Draws a sound as `clip` does, but as long as it was recorded and without fades at its ends."""
        return self.clip(category, split, rng)

    def recording_or_stand_in(self, category: str, split: str, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        """As `recording`, with the class of `drawn` if the sound only stands in for its category, otherwise ""."""
        return self.recording(category, split, rng), ""

    def describe(self) -> dict[str, typing.Any]:
        """What the sounds depend on, in JSON types: banks with equal descriptions draw equal sounds."""
        return {"kind": self.kind, "categories": list(self.categories), "sample_rate": self.sample_rate}
