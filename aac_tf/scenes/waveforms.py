"""Trimming, fading, looping and loudness of waveforms."""

from __future__ import annotations

import numpy as np


def fade(waveform: np.ndarray, sample_rate: int, seconds: float = 0.02) -> np.ndarray:
    """Fades a sound out, so that it does not end in a click, and in for 2 ms, which keeps its attack.

    Args:
        waveform: [samples].
        sample_rate: Hz.
        seconds: length of the fade-out; at most half of the sound.

    Returns:
        The faded copy.
    """
    waveform = np.array(waveform)
    start, end = (min(len(waveform) // 2, int(s * sample_rate)) for s in (0.002, seconds))
    waveform[:start] *= np.linspace(0, 1, start, dtype=waveform.dtype)
    waveform[len(waveform) - end :] *= np.linspace(1, 0, end, dtype=waveform.dtype)
    return waveform


def trim_silence(waveform: np.ndarray, sample_rate: int, below_db: float = 40.0) -> np.ndarray:
    """Cuts off the silence before and after a sound, in frames of 20 ms.

    Args:
        waveform: [samples], float32.
        sample_rate: Hz.
        below_db: how many dB below the loudest frame a frame counts as silence.

    Returns:
        The part from the first to the last frame that is not silence; empty if all samples are zero.

    Example:
        >>> import numpy as np
        >>> from aac_tf.scenes.waveforms import trim_silence
        >>> trim_silence(np.concatenate([np.zeros(8000), np.ones(1600), np.zeros(8000)]), sample_rate=16000).shape
        (1600,)
    """
    frame = max(1, sample_rate // 50)
    power = np.add.reduceat(np.square(waveform, dtype=np.float64), np.arange(0, len(waveform), frame))
    if not power.size or power.max() == 0:
        return waveform[:0]
    loud = np.flatnonzero(power > power.max() * 10 ** (-below_db / 10))
    return waveform[loud[0] * frame : (loud[-1] + 1) * frame]


def loop(waveform: np.ndarray, n: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Loops a sound from a random position on, with a cross-fade from its end to its beginning.

    Args:
        waveform: [samples].
        n: length of the result, samples.
        sample_rate: Hz.
        rng: random generator.

    Returns:
        [n].
    """
    blend = min(len(waveform) // 4, int(0.1 * sample_rate))
    ramp = np.sqrt(np.linspace(0, 1, blend, dtype=np.float32))
    ring = waveform[: len(waveform) - blend].copy()
    ring[:blend] = ring[:blend] * ramp + waveform[len(waveform) - blend :] * ramp[::-1]
    return np.take(ring, np.arange(n) + rng.integers(len(ring)), mode="wrap")


def loudness_db(waveform: np.ndarray, sample_rate: int) -> float:
    """RMS level of the loud parts: the 90th percentile of 50 ms frames, which ignores pauses between barks.

    Args:
        waveform: [samples].
        sample_rate: Hz.

    Returns:
        dB relative to full scale.
    """
    frame = max(1, min(len(waveform), sample_rate // 20))
    frames = waveform[: len(waveform) // frame * frame].reshape(-1, frame)
    return 10 * np.log10(np.percentile(np.mean(np.square(frames), axis=1), 90, method="higher") + 1e-12)
