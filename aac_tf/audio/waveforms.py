"""The contract of waveforms: what callers may pass as a sound in memory, and which sounds can be captioned."""

from __future__ import annotations

import numbers
import os

import numpy as np
import tensorflow as tf

from aac_tf.audio.backends import OnHost
from aac_tf.audio.checks import sound_checks
from aac_tf.audio.errors import AudioError
from aac_tf.audio.levels import BEYOND, LIMIT, peak, scale_down
from aac_tf.audio.mixing import Mixer
from aac_tf.audio.parts import resampled_parts

MAX_CHANNELS = 8
# 64-bit integers are what Python and NumPy make of small integers, so their type is no full scale unless they use it.
_USED_BITS = 31
_BLOCK = 2**20  # integers that are converted at once, since in between they are float64


def is_single(sound):
    """Whether an argument is one sound rather than a batch; a batch is a list, a tuple or another iterable of sounds.

    Args:
        sound: what a caller passed: a path, a waveform (see `read_waveform`), or several of them.

    Example:
        >>> from aac_tf.audio.waveforms import is_single
        >>> is_single("dog.wav"), is_single([0.0, 0.1]), is_single([[0.0, 0.1]]), is_single(["a.wav", "b.wav"])
        (True, True, False, False)
    """
    if isinstance(sound, (str, os.PathLike, bytes, bytearray, memoryview, dict)) or hasattr(sound, "__array__"):
        return True
    if isinstance(sound, tf.RaggedTensor) or not hasattr(sound, "__iter__"):
        return True
    return _is_pair(sound) or (isinstance(sound, (list, tuple)) and bool(sound) and _are_numbers(sound[0], sound[-1]))


def read_waveform(sound, sample_rate, own_rate=None, name="waveform"):
    """Converts any waveform to the form that the model takes.

    Args:
        sound: NumPy array, tensor, list of numbers, or anything that NumPy converts: `[samples]`, `[samples, channels]`
            or `[channels, samples]`, where the longer axis is time. Floats have full scale at 1; integers are scaled by
            their type. A pair `(waveform, sample rate)`, as librosa and soundfile return, is accepted, too.
        sample_rate: int, Hz, of the result.
        own_rate: int, Hz, of the waveform; None takes `sample_rate`. The rate of a pair has priority.
        name: str, how to call the sound in errors and warnings.

    Returns:
        float32 numpy array `[samples]`, the mean of the channels.

    Raises:
        AudioError: if it is no waveform, or cannot be captioned: no samples, shorter than 0.05 s, silent, NaN, or
            beyond ±10000. Samples beyond ±10 are scaled down, with a warning.

    Example:
        >>> import numpy as np
        >>> from aac_tf.audio.waveforms import read_waveform
        >>> read_waveform(np.full([2, 44100], 16384, np.int16), 16000, 44100).shape
        (16000,)
    """
    if _is_pair(sound):
        sound, own_rate = sound
    own_rate = _checked_rate(sample_rate if own_rate is None else own_rate, name)
    channels = _as_channels(_as_floats(sound, name), name)
    raise_unusable(channels, own_rate, name)
    waveform = scale_down(channels if channels.ndim == 1 else Mixer()(channels), name)
    try:
        parts = [part.numpy() for part in resampled_parts([waveform], len(waveform), own_rate, sample_rate)]
    except ValueError as error:
        raise AudioError(name, str(error)) from error
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def raise_unusable(channels, rate, name):
    """Raises `AudioError` if a waveform cannot be captioned.

    Args:
        channels: float32 numpy array `[samples]` or `[samples, channels]`.
        rate: int, Hz.
        name: str, how to call the sound.
    """
    if not len(channels):
        raise AudioError(name, "no samples")
    loudest = peak(channels)
    checks = sound_checks(len(channels), rate, bool(np.isfinite(loudest)), loudest != 0)
    reason = OnHost.first_reason(*checks, (loudest <= LIMIT, BEYOND))
    if reason:
        raise AudioError(name, reason)


_NUMBERS = (numbers.Number, np.generic)


def _are_numbers(*values):
    return all(isinstance(value, _NUMBERS) for value in values)


def _is_pair(sound):
    """Whether it is (waveform, sample rate)."""
    if not (isinstance(sound, tuple) and len(sound) == 2) or isinstance(sound[0], (str, bytes, *_NUMBERS)):
        return False
    rate = sound[1]
    return isinstance(rate, _NUMBERS) or (hasattr(rate, "shape") and tuple(rate.shape) == ())


def _checked_rate(rate, name):
    try:
        whole = int(rate)
    except (TypeError, ValueError, OverflowError):
        whole = 0
    if whole != rate or isinstance(rate, (bool, str)) or not 1000 <= whole <= 768000:
        raise AudioError(name, f"sample_rate must be an integer from 1000 to 768000 Hz, got {rate!r}")
    return whole


def _as_floats(sound, name):
    """float32 numpy array with full scale at 1."""
    if isinstance(sound, (bytes, bytearray, memoryview)):
        raise AudioError(name, "bytes are no waveform: pass the path of a sound file, or an array of samples")
    if isinstance(sound, (dict, tf.RaggedTensor, tf.SparseTensor)) or sound is None:
        raise AudioError(name, f"{type(sound).__name__} is no waveform: expected an array of samples, or a path")
    if tf.is_tensor(sound) and sound.dtype == tf.bfloat16:
        sound = tf.cast(sound, tf.float32)
    try:
        array = np.asarray(sound)
    except Exception as error:  # a ragged list; other libraries' arrays raise anything, for example if on a GPU
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AudioError(name, f"not convertible to an array of samples: {reason}") from error
    if array.dtype.kind not in _SCALES:
        raise AudioError(
            name, f"expected an array of floats or integers, got {array.dtype.name}; pass several sounds as a list"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused as infinite
        return _SCALES[array.dtype.kind](array, name)


def _scaled_integers(array, name):
    info = np.iinfo(array.dtype)
    half = 2.0 ** (info.bits - 1)
    middle = half if info.min == 0 else 0.0
    if info.bits == 64 and 0 < peak(array) <= 2.0**_USED_BITS:
        raise AudioError(
            name,
            f"{array.dtype.name} samples have no full scale: convert them to int16 or int32, or to floats in -1..1",
        )
    flat, floats = array.reshape(-1), np.empty(array.size, np.float32)
    for start in range(0, array.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        floats[part] = (flat[part].astype(np.float64) - middle) / half
    return floats.reshape(array.shape)


_SCALES = {
    "f": lambda array, name: array.astype(np.float32, copy=False),
    "i": _scaled_integers,
    "u": _scaled_integers,
}


def _as_channels(array, name):
    """`[samples]` or `[samples, channels]`."""
    if array.ndim == 1:
        return array
    shape = list(array.shape)
    if array.ndim != 2:
        raise AudioError(name, f"expected [samples], [samples, channels] or [channels, samples], got {shape}")
    array = array if shape[0] >= shape[1] else array.T
    if array.shape[1] > MAX_CHANNELS:
        raise AudioError(
            name, f"{shape} has {array.shape[1]} channels, more than {MAX_CHANNELS}: pass several clips as a list"
        )
    return array[:, 0] if array.shape[1] == 1 else array
