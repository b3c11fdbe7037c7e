"""What distance, motion and a room do to a sound."""

from __future__ import annotations

import numpy as np
from scipy.signal import oaconvolve

from aac_tf.scenes.rendering.filters import gain, high_pass, low_pass

_DRY = 0.4  # share of scenes without a room, as outdoors
_REVERBERATION_SECONDS = (0.1, 1.2)
_EARLY_REFLECTIONS = 6
_ECHOES = 4


def move(waveform: np.ndarray, motion: str, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Lets a sound come nearer, go away, or both; far away it is quiet and dull.

    Args:
        waveform: [samples], float32.
        motion: "approaching", "receding" or "passing".
        sample_rate: Hz.
        rng: random generator.

    Returns:
        [samples], float32.
    """
    time = np.linspace(0, 1, len(waveform), dtype=np.float32)
    if motion == "passing":
        nearest = rng.uniform(0.35, 0.65)
        nearness = np.minimum(time / np.float32(nearest), (1 - time) / np.float32(1 - nearest))
    else:
        nearness = time if motion == "approaching" else 1 - time
    depth = rng.uniform(18, 28)
    dull = low_pass(waveform, 1000.0, sample_rate)
    envelope = np.exp(np.float32(-depth * np.log(10) / 20) * (1 - nearness))
    return envelope * (nearness * waveform + (1 - nearness) * dull)


def recede(waveform: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Takes the high frequencies of a sound away, as distance does."""
    return low_pass(waveform, rng.uniform(1200, 3000), sample_rate)


def through(waveform: np.ndarray, medium: str, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Lets a sound come through a wall, which leaves its low frequencies, or through a loudspeaker.

    Args:
        waveform: [samples], float32.
        medium: "wall" or "loudspeaker", which passes about 300 to 3400 Hz and distorts slightly.
        sample_rate: Hz.
        rng: random generator.

    Returns:
        [samples], float32.
    """
    if medium == "wall":
        return low_pass(waveform, rng.uniform(350, 800), sample_rate, order=2)
    narrow = high_pass(waveform, rng.uniform(250, 500), sample_rate, order=4)
    narrow = low_pass(narrow, rng.uniform(2500, 4000), sample_rate, order=4)
    drive = np.float32(rng.uniform(1.5, 4.0)) / (np.float32(np.abs(narrow).max()) + np.float32(1e-9))
    return np.tanh(drive * narrow) / drive


def echoes(waveform: np.ndarray, n: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Adds echoes, each duller and 4 to 8 dB quieter than the one before, 0.15 to 0.4 s apart.

    Args:
        waveform: [samples], float32.
        n: most samples of the result.
        sample_rate: Hz.
        rng: random generator.

    Returns:
        [at most n samples], float32; longer than the waveform, since the echoes outlast it.
    """
    delay, loss = round(rng.uniform(0.15, 0.4) * sample_rate), gain(-rng.uniform(4, 8))
    result = np.zeros(max(len(waveform), min(n, len(waveform) + _ECHOES * delay)), np.float32)
    for number in range(_ECHOES + 1):
        room = len(result) - number * delay
        if room > 0:
            result[number * delay :][: len(waveform)] += waveform[:room]
        waveform = loss * low_pass(waveform, 3000.0, sample_rate)
    return result


class Room:
    """A room, drawn at random, or none.

    Args:
        sample_rate: Hz.
        rng: random generator.
        needed: whether there must be one, as for distant sounds.

    Attributes:
        response: [samples], its reverberation as an impulse response of unit energy without the direct sound; None
            without a room.
        near_db: level of the reverberation of near sounds, relative to the sound, dB.
        far_db: that of distant sounds.
    """

    def __init__(self, sample_rate: int, rng: np.random.Generator, needed: bool = False):
        outdoors = rng.uniform() < _DRY
        low, high = _REVERBERATION_SECONDS
        seconds = rng.uniform(0.5, high) if outdoors else low * (high / low) ** rng.uniform()
        self.near_db = -np.inf if outdoors else rng.uniform(-18, -4)
        self.far_db = rng.uniform(-12, -6) if outdoors else self.near_db + rng.uniform(5, 9)
        self.response = None if outdoors and not needed else _impulse_response(seconds, sample_rate, rng)

    def reverberate(self, waveform: np.ndarray) -> np.ndarray:
        """The reverberation of a waveform, without the waveform itself and of its length."""
        if self.response is None or not waveform.any():
            return np.zeros_like(waveform)
        return oaconvolve(waveform, self.response)[: len(waveform)].astype(np.float32)


def _impulse_response(seconds, rate, rng):
    """Noise that decays by 60 dB in `seconds`, cut at 45 dB, after a few early reflections."""
    n = max(1, int(0.75 * seconds * rate))
    decay = np.exp(np.float32(-np.log(1000) / (seconds * rate)) * np.arange(n, dtype=np.float32))
    tail = low_pass(rng.standard_normal(n, dtype=np.float32) * decay, rng.uniform(2000, 7000), rate)
    response = np.concatenate([np.zeros(int(rng.uniform(0.003, 0.02) * rate), np.float32), tail])
    response /= np.sqrt(np.sum(np.square(response)))
    places = rng.uniform(0.002, 0.06, _EARLY_REFLECTIONS) * min(1.0, 2 * seconds) * rate
    places = np.minimum(places.astype(int), len(response) - 1)
    response[places] += np.float32(rng.uniform(-0.35, 0.35, _EARLY_REFLECTIONS))
    return response * gain(-10 * np.log10(np.sum(np.square(response))))
