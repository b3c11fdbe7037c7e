"""A bank of synthetic sounds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from aac_tf.datasets import SPLITS, DatasetError
from aac_tf.scenes.banks.base import Bank
from aac_tf.scenes.synthesis import LOWEST_SAMPLE_RATE, SYNTHETIC_CATEGORIES, synthesize
from aac_tf.scenes.waveforms import trim_silence


class SyntheticBank(Bank):
    """A bank of synthetic sounds, each different from all others.

    Args:
        categories: categories to offer; None takes all of `SYNTHETIC_CATEGORIES`.
        sample_rate: Hz.

    Raises:
        DatasetError: if there is no synthesizer for a category, or the sample rate is too low.

    Example:
        >>> import numpy as np
        >>> from aac_tf.scenes.banks import SyntheticBank
        >>> SyntheticBank(["siren"]).clip("siren", "train", np.random.default_rng(0), seconds=2.0).shape
        (32000,)
    """

    kind = "synthetic"

    def __init__(self, categories: Iterable[str] | None = None, sample_rate: int = 16000):
        super().__init__(SYNTHETIC_CATEGORIES if categories is None else categories, sample_rate)
        unknown = sorted(set(self.categories) - set(SYNTHETIC_CATEGORIES))
        if unknown:
            raise DatasetError(
                f"no synthesizer for {', '.join(unknown)}; expected some of {', '.join(SYNTHETIC_CATEGORIES)}"
            )
        if sample_rate < LOWEST_SAMPLE_RATE:
            raise DatasetError(
                f"synthetic sounds need a sample rate of at least {LOWEST_SAMPLE_RATE} Hz; got {sample_rate}"
            )

    def clip(self, category: str, split: str, rng: np.random.Generator, seconds: float | None = None) -> np.ndarray:
        # The split is part of the seed, so that no other split can draw the same sound.
        own = np.random.default_rng([SPLITS.index(split), int(rng.integers(2**62))])
        return trim_silence(synthesize(category, own, seconds, self.sample_rate), self.sample_rate)
