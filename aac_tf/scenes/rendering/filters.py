"""Cheap filters of float32 waveforms."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, lfilter, sosfilt


def low_pass(waveform: np.ndarray, cutoff: float, sample_rate: int, order: int = 1) -> np.ndarray:
    """Attenuates what lies above a frequency.

    Args:
        waveform: [samples], float32.
        cutoff: Hz.
        sample_rate: Hz.
        order: 1 for a gentle slope of 6 dB an octave; an even number for a Butterworth filter of that order.

    Returns:
        [samples], float32.
    """
    if order == 1:
        pole = np.exp(-2 * np.pi * cutoff / sample_rate)
        return lfilter(np.array([1 - pole], np.float32), np.array([1, -pole], np.float32), waveform)
    return _butterworth(waveform, cutoff, sample_rate, order, "lowpass")


def high_pass(waveform: np.ndarray, cutoff: float, sample_rate: int, order: int = 2) -> np.ndarray:
    """Attenuates what lies below a frequency, with a Butterworth filter; arguments as for `low_pass`."""
    return _butterworth(waveform, cutoff, sample_rate, order, "highpass")


def _butterworth(waveform, cutoff, sample_rate, order, kind):
    # In double precision, since poles near 1 are rounded badly to float32.
    sections = butter(order, min(cutoff, 0.49 * sample_rate), kind, fs=sample_rate, output="sos")
    return sosfilt(sections, waveform).astype(np.float32)


def gain(db: float) -> np.float32:
    """The factor of a gain in dB."""
    return np.float32(10 ** (db / 20))
