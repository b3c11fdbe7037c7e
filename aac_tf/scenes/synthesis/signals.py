"""Building blocks of the synthesizers: noise, filters, envelopes and reverberation.

In all of them `n` is a number of samples, `rate` the sample rate in Hz and `rng` a `numpy.random.Generator`.
"""

from __future__ import annotations

import numpy as np
from scipy import signal


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    """White noise with a standard deviation of 1."""
    return rng.standard_normal(n, dtype=np.float32)


def butterworth(
    x: np.ndarray, rate: int, low: float | None = None, high: float | None = None, order: int = 1
) -> np.ndarray:
    """Filters with a low-pass, a high-pass or a band-pass, depending on which of the cut-offs (Hz) are given."""
    high = None if high is None else min(high, 0.45 * rate)
    if low is None:
        sos = signal.butter(order, high, "lowpass", fs=rate, output="sos")
    elif high is None:
        sos = signal.butter(order, low, "highpass", fs=rate, output="sos")
    else:
        sos = signal.butter(order, (low, high), "bandpass", fs=rate, output="sos")
    return signal.sosfilt(sos, x)


def drift(
    rng: np.random.Generator, n: int, rate: int, per_second: float, low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    """A random curve between `low` and `high`, linear between about `per_second` values a second."""
    knots = max(2, int(np.ceil(n / rate * per_second)) + 2)
    start = rng.uniform()
    return np.interp(np.arange(n) / rate * per_second + start, np.arange(knots + 1), rng.uniform(low, high, knots + 1))


def decay(n: int, rate: int, seconds: float) -> np.ndarray:
    """An exponential envelope that falls to 1/e after `seconds`."""
    return np.exp(-np.arange(n) / (seconds * rate))


def attack_release(n: int, attack: float = 0.1, release: float = 0.3) -> np.ndarray:
    """An envelope from 0 up to 1 and back to 0; attack and release are fractions of its length."""
    position = np.arange(n) / max(n, 1)
    return np.clip(position / attack, 0, 1) * np.clip((1 - position) / release, 0, 1)


def add_at(out: np.ndarray, piece: np.ndarray, start: float) -> None:
    """Adds a sound to `out`, in place, from sample `start` on; what exceeds `out` is cut off."""
    start = int(start)
    if start < len(out):
        piece = piece[: len(out) - start]
        out[start : start + len(piece)] += piece


def jittered_onsets(rng: np.random.Generator, seconds: float, period: float, jitter: float) -> np.ndarray:
    """One onset per period, in seconds, each shifted by up to `jitter` periods."""
    onsets = np.arange(0.0, seconds, period)
    return np.maximum(0, onsets + rng.uniform(-jitter, jitter, len(onsets)) * period)


def reverberate(rng: np.random.Generator, x: np.ndarray, rate: int, seconds: float, wet: float) -> np.ndarray:
    """Adds room reverberation: convolution with noise that decays within `seconds`, at level `wet`."""
    n = int(3 * seconds * rate)
    echo = butterworth(noise(rng, n), rate, 150, 4000) * decay(n, rate, seconds)
    echo = signal.fftconvolve(x, echo / np.sqrt(np.square(echo).sum()))[: len(x)]
    return x + wet * echo
