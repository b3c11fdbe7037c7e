"""Mel filter banks, computed once in NumPy."""

from __future__ import annotations

import functools

import numpy as np

# Slaney's scale: linear below 1 kHz with 200/3 Hz per mel, above it 27 mels per factor of 6.4.
_LINEAR_HZ = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(frequency, scale):
    """Converts frequencies in Hz to the `slaney` or `htk` mel scale."""
    frequency = np.asarray(frequency, np.float64)
    if scale == "htk":
        return 1127.0 * np.log1p(frequency / 700.0)
    above = _BREAK_MEL + np.log(np.maximum(frequency, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(frequency < _BREAK_HZ, frequency / _LINEAR_HZ, above)


def mel_to_hz(mel, scale):
    """Inverse of `hz_to_mel`."""
    mel = np.asarray(mel, np.float64)
    if scale == "htk":
        return 700.0 * np.expm1(mel / 1127.0)
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))


@functools.cache
def mel_filter_bank(sample_rate, fft_length, num_bins, fmin, fmax, scale="slaney", norm="area"):
    """Triangular filters with centres equally spaced in mels.

    `slaney` triangles are linear in Hz, as in Slaney's Auditory Toolbox and librosa; `htk` triangles are linear in
    mels, as in HTK, Kaldi and `tf.signal.linear_to_mel_weight_matrix`, and therefore in YAMNet and AST.

    Args:
        sample_rate: int, Hz.
        fft_length: int, points of the Fourier transform.
        num_bins: int, number of filters.
        fmin: float, lower edge of the first filter in Hz.
        fmax: float, upper edge of the last filter in Hz.
        scale: `slaney` or `htk`.
        norm: `area` for triangles of area 1 over Hz, None for triangles of height 1.

    Returns:
        float32 array `[fft_length // 2 + 1, num_bins]`, read-only.

    Raises:
        ValueError: if the scale or norm is unknown, or the band is empty or exceeds half the sample rate.

    Example:
        >>> from aac_tf.audio.mel import mel_filter_bank
        >>> mel_filter_bank(16000, 512, num_bins=64, fmin=125.0, fmax=7500.0, scale="htk", norm=None).shape
        (257, 64)

    Reference:
        M. Slaney, Auditory Toolbox (1998), Interval Research TR 1998-010, function mfcc; S. Young et al., The HTK Book,
        section 5.4 (filterbank analysis).
    """
    if scale not in ("slaney", "htk"):
        raise ValueError(f"mel scale must be 'slaney' or 'htk', not {scale!r}")
    if norm not in ("area", None):
        raise ValueError(f"mel norm must be 'area' or None, not {norm!r}")
    if not 0 <= fmin < fmax <= sample_rate / 2:
        raise ValueError(f"expected 0 <= fmin < fmax <= {sample_rate / 2} Hz, got fmin={fmin}, fmax={fmax}")
    edges = np.linspace(hz_to_mel(fmin, scale), hz_to_mel(fmax, scale), num_bins + 2)
    points = np.linspace(0.0, sample_rate / 2, fft_length // 2 + 1)[:, np.newaxis]
    edges_hz = mel_to_hz(edges, scale)
    if scale == "slaney":
        edges = edges_hz
    else:
        points = hz_to_mel(points, scale)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    bank = np.maximum(0.0, np.minimum((points - lower) / (centre - lower), (upper - points) / (upper - centre)))
    if norm == "area":
        bank *= 2.0 / (edges_hz[2:] - edges_hz[:-2])
    bank = bank.astype(np.float32)
    bank.flags.writeable = False  # all callers share it through the cache
    return bank
