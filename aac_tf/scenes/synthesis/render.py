"""Rendering a synthetic sound of a given category and length."""

from __future__ import annotations

import numpy as np

from aac_tf.scenes.synthesis.synthesizers import SYNTHESIZERS
from aac_tf.scenes.waveforms import fade

SYNTHETIC_CATEGORIES = tuple(SYNTHESIZERS)
LOWEST_SAMPLE_RATE = 12000  # Hz, for the high frequencies of crickets and birds


def synthesize(
    category: str, rng: np.random.Generator, seconds: float | None = None, sample_rate: int = 16000
) -> np.ndarray:
    """Synthesizes a sound with random pitch, tempo and timbre.

    Args:
        category: one of `SYNTHETIC_CATEGORIES`.
        rng: random generator; the same state gives the same sound.
        seconds: length. Sustained and repeating sounds (rain, a siren, footsteps) get exactly this length; short ones
            (a bark, a knock) get their natural length if that is shorter. None takes a natural length.
        sample_rate: Hz, at least `LOWEST_SAMPLE_RATE`.

    Returns:
        Waveform [samples], float32, with a peak of 1.

    Raises:
        ValueError: if the category is unknown, the length is not positive or the sample rate is too low.

    Example:
        >>> import numpy as np
        >>> from aac_tf.scenes.synthesis import synthesize
        >>> synthesize("rain", np.random.default_rng(0), seconds=2.0).shape
        (32000,)
    """
    if category not in SYNTHESIZERS:
        raise ValueError(f"no synthesizer for {category!r}; expected one of {', '.join(SYNTHESIZERS)}")
    if sample_rate < LOWEST_SAMPLE_RATE:
        raise ValueError(f"synthetic sounds need a sample rate of at least {LOWEST_SAMPLE_RATE} Hz; got {sample_rate}")
    if seconds is not None and not seconds > 0:
        raise ValueError(f"seconds must be positive; got {seconds}")
    make, shortest, longest, any_length = SYNTHESIZERS[category]
    natural = rng.uniform(shortest, longest)
    length = natural if seconds is None else seconds if any_length else min(natural, seconds)
    # Filters need time to settle and repeating sounds at least one period: cut short sounds out of a longer one.
    n = round(length * sample_rate)
    waveform = make(rng, max(n, int(0.5 * sample_rate)), sample_rate)[:n]
    return fade(waveform / np.abs(waveform).max(), sample_rate).astype(np.float32)
