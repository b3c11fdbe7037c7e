"""How a recording is played within its time: once, several times, a stretch of it, or in a loop."""

from __future__ import annotations

import numpy as np

from aac_tf.scenes.rendering.filters import gain
from aac_tf.scenes.script import ScriptedSound
from aac_tf.scenes.waveforms import fade, loop

_FRAME = 0.02  # seconds
_BURST_BELOW_DB = 25.0  # what is this much quieter than the loudest frame separates bursts
_BURST_GAP = 0.12  # shortest pause between two bursts, seconds
_LONGEST_BURST = 3.0  # a sound with a number of times is at most this long each time, seconds
_SEVERAL = (3, 6)  # number of times of "several times" and "repeatedly"
_PAUSES = (0.2, 1.0)  # between the times that a caption counts, seconds
_STEADY = 0.6  # share of loud frames from which on a long recording is one that lasts, such as speech
_BRIEF = (0.6, 2.0)  # length of a sound that is said to be brief, seconds
_LASTING = 3.0  # shortest recording that lasts, seconds


def bursts(waveform: np.ndarray, sample_rate: int) -> list[tuple[int, int]]:
    """Finds the parts of a recording that pauses separate, such as single barks.

    Args:
        waveform: [samples].
        sample_rate: Hz.

    Returns:
        list of (first sample, sample after the last), in order.

    Example:
        >>> import numpy as np
        >>> from aac_tf.scenes.rendering.plays import bursts
        >>> bursts(np.repeat([1.0, 0.0, 1.0, 1.0], 3200), sample_rate=16000)
        [(0, 3200), (6400, 12800)]
    """
    frame = max(1, round(_FRAME * sample_rate))
    loud = _loud_frames(waveform, frame)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    found: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2):
        if found and (start - found[-1][1]) * _FRAME < _BURST_GAP:
            start = found.pop()[0]
        found.append((int(start), int(end)))
    return [(start * frame, min(end * frame, len(waveform))) for start, end in found]


def play(
    sound: ScriptedSound,
    recording: np.ndarray,
    n: int,
    sample_rate: int,
    rng: np.random.Generator,
    sustained: bool = False,
    crowded: bool = False,
) -> tuple[int, np.ndarray]:
    """Plays a recording in the time of a sound.

    Sustained and continuous sounds and those that move last for the whole time. A number of times plays a single burst
    of the recording as often. Any other sound is played once or several times, with pauses, or in a stretch that has
    sound if it is longer than the time. A brief sound has at most 2 s of the time.

    Args:
        sound: the sound of a script.
        recording: [samples], without silence at its ends.
        n: number of samples that the sound may take.
        sample_rate: Hz.
        rng: random generator.
        sustained: whether the sound is steady enough to be looped.
        crowded: whether it must overlap another sound for most of the time.

    Returns:
        (its first sample within the n, waveform [at most n samples]); float32.
    """
    span = n
    if sound.brief and sound.times is None:
        n = min(n, round(rng.uniform(*_BRIEF) * sample_rate))
    lasts = sustained or sound.continuous or sound.motion != "none"
    if sound.times is not None and not sound.continuous:
        waveform = _counted(sound.times, recording, n, sample_rate, rng)
    elif lasts and len(recording) >= sample_rate and (sustained or _is_steady(recording, sample_rate)):
        waveform = _loop(recording, n, sample_rate, rng)
    elif lasts:
        waveform = _fill(recording, n, sample_rate, rng, pauses=0.05, share=1.0)
    else:
        waveform = _freely(recording, n, sample_rate, rng, crowded)
    room = span - len(waveform)
    if crowded:
        # In the middle, or early if it is long.
        room = min(room, max(room // 2, span // 6))
    return int(rng.integers(room + 1)), waveform


def stretch(recording: np.ndarray, n: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Cuts n samples that hold sound out of a longer recording; the whole recording if it is not longer."""
    if len(recording) <= n:
        return recording
    frame = max(1, round(_FRAME * sample_rate))
    heard = np.concatenate([[0], np.cumsum(_loud_frames(recording, frame))])
    starts = rng.integers(len(recording) - n + 1, size=4)
    ends = np.minimum((starts + n) // frame, len(heard) - 1)
    start = starts[np.argmax(heard[ends] - heard[starts // frame])]
    return recording[start : start + n]


def _loud_frames(waveform, frame):
    power = np.add.reduceat(np.square(waveform, dtype=np.float32), np.arange(0, len(waveform), frame))
    return power > power.max() * 10 ** (-_BURST_BELOW_DB / 10)


def _is_steady(recording, sample_rate):
    return _loud_frames(recording, max(1, round(_FRAME * sample_rate))).mean() > _STEADY


def _counted(times, recording, n, rate, rng):
    """The same burst several times, or several bursts that follow each other in the recording."""
    times = times or int(rng.integers(_SEVERAL[0], _SEVERAL[1] + 1))
    found = bursts(recording, rate)
    start, end = found[rng.integers(len(found))]
    end = min(end + int(0.05 * rate), len(recording), start + int(_LONGEST_BURST * rate), start + n)
    burst = recording[start:end]
    pause = int(rng.uniform(*_PAUSES) * rate)
    if times * (len(burst) + pause) - pause > n:
        # Shorter pauses first, then shorter bursts.
        pause = max(min(int(0.2 * rate), n // (3 * times)), (n - times * len(burst)) // times)
        burst = burst[: max(1, (n - (times - 1) * pause) // times)]
    burst = fade(burst, rate)
    waveform, position = np.zeros(n, np.float32), 0
    for _ in range(times):
        waveform[position : position + len(burst)] += burst * gain(rng.uniform(-2, 1))
        end = position + len(burst)
        position = min(end + int(pause * rng.uniform(0.75, 1.0)), n - len(burst))
    return waveform[:end]


def _freely(recording, n, rate, rng, crowded):
    """Once, twice, or again and again with pauses, whichever suits the recording and its time."""
    if len(recording) >= n:
        part = n if crowded else round(n * rng.uniform(0.75, 1.0))
        return fade(stretch(recording, part, rate, rng), rate, seconds=0.1)
    lasting = len(recording) > _LASTING * rate and _is_steady(recording, rate)
    again = crowded or rng.uniform() < (0.6 if lasting else 0.45)
    if again:
        return _fill(recording, n, rate, rng, pauses=rng.uniform(0.1, 0.9), share=rng.uniform(0.7, 1.0))
    if lasting or rng.uniform() < 0.6:
        return fade(recording, rate)
    return _fill(recording, n, rate, rng, pauses=rng.uniform(0.2, 1.0), share=0.0)


def _fill(recording, n, rate, rng, pauses, share):
    """Repeats a recording, at least twice if it fits, until a share of the time is over."""
    waveform, end, plays = np.zeros(n, np.float32), 0, 0
    position = 0
    while position < n and (plays < 2 or end < share * n):
        piece = recording
        if n - position < len(piece):
            if plays and (n - position) < min(len(piece) // 2, rate // 4):
                break
            piece = stretch(piece, n - position, rate, rng)
        piece = fade(piece, rate)
        waveform[position : position + len(piece)] = piece * gain(rng.uniform(-3, 1))
        end, plays = position + len(piece), plays + 1
        position = end + round(min(rng.exponential(pauses) + 0.3 * pauses, 2.5) * rate)
    return waveform[:end]


def _loop(recording, n, rate, rng):
    """A stretch of a recording, or the recording in a loop, that lasts for all of the time."""
    if len(recording) > n:
        return stretch(recording, n, rate, rng).copy()
    return loop(recording, n, rate, rng)
