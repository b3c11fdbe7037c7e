"""Changing the speed, pitch and tempo of recordings, and measuring their pitch."""

from __future__ import annotations

import numpy as np
from scipy.signal import resample_poly

_WINDOW = 0.04  # seconds
_SEARCH = 0.01  # largest shift of a window to where it fits the one before, seconds
_PITCHES = (70.0, 900.0)  # Hz
_VOICED = 0.6  # smallest autocorrelation of a frame with a pitch
_QUIET = 0.01  # frames with less than this share of the loudest frame's energy have no pitch


def change_speed(waveform: np.ndarray, ratio: float) -> np.ndarray:
    """Plays a recording faster, and so higher, without aliasing.

    Args:
        waveform: `[samples]`.
        ratio: new speed in relation to the old one.

    Returns:
        float32 `[samples / ratio]`.
    """
    if ratio == 1:
        return waveform
    return resample_poly(waveform, 100, round(100 * ratio)).astype(np.float32)


def change_tempo(waveform: np.ndarray, factor: float, sample_rate: int) -> np.ndarray:
    """Makes a recording longer at the same pitch, by overlapping windows that are shifted to fit each other (WSOLA).

    Args:
        waveform: `[samples]`.
        factor: new length in relation to the old one.
        sample_rate: Hz.

    Returns:
        float32 `[samples * factor]`.

    Reference:
        Verhelst, Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality time-scale
        modification of speech", ICASSP 1993.

    Example:
        >>> import numpy as np
        >>> from aac_tf.labelling.transforms import change_speed, change_tempo, pitch
        >>> tone = np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)
        >>> child = change_tempo(change_speed(tone, 1.5), 1.5, 16000)
        >>> len(child), round(pitch(child, 16000), -1)
        (16000, 300.0)
    """
    window, search = 2 * round(_WINDOW * sample_rate / 2), round(_SEARCH * sample_rate)
    hop, samples = window // 2, round(len(waveform) * factor)
    shape = np.hanning(window + 1)[:window]
    padded = np.concatenate([np.zeros(search), waveform, np.zeros(2 * window + 2 * search)])
    stretched, weight = np.zeros(samples + window), np.full(samples + window, 1e-3)
    place = search
    for start in range(0, samples, hop):
        around = padded[int(start / factor) :][: window + 2 * search]
        if start:
            wanted = padded[place + hop : place + hop + window]
            place = int(start / factor) + int(np.argmax(np.correlate(around, wanted, "valid")))
        stretched[start : start + window] += shape * padded[place : place + window]
        weight[start : start + window] += shape
    return (stretched / weight)[:samples].astype(np.float32)


def pitch(waveform: np.ndarray, sample_rate: int) -> float:
    """The median pitch of the voiced frames of a recording.

    Args:
        waveform: `[samples]`.
        sample_rate: Hz.

    Returns:
        Hz, from 70 to 900; nan if no frame has a pitch.
    """
    size = round(0.128 * sample_rate)
    if len(waveform) < size:
        return float("nan")
    frames = np.lib.stride_tricks.sliding_window_view(waveform, size)[:: size // 4].astype(float)
    frames = frames - frames.mean(axis=1, keepdims=True)
    window = np.hanning(size)

    def autocorrelation(signals):
        return np.fft.irfft(np.abs(np.fft.rfft(signals * window, 2 * size)) ** 2)[..., :size]

    shape = autocorrelation(np.ones(size))
    found = autocorrelation(frames)
    energy = found[:, 0]
    shortest, longest = int(sample_rate / _PITCHES[1]), int(sample_rate / _PITCHES[0])
    scaled = (found / np.maximum(energy, 1e-12)[:, None] * shape[0] / np.maximum(shape, 1e-3 * shape[0]))[
        :, shortest:longest
    ]
    # All multiples of a period correlate; the shortest one is meant.
    best = np.argmax(scaled - np.linspace(0, 0.1, longest - shortest), axis=1)
    voiced = (scaled[np.arange(len(best)), best] > _VOICED) & (energy > _QUIET * energy.max())
    return float(np.median(sample_rate / (shortest + best[voiced]))) if voiced.any() else float("nan")
