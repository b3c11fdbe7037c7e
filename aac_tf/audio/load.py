"""Sound files as checked waveforms: in eager mode, in `tf.data`, or in a SavedModel."""

from __future__ import annotations

import os

import numpy as np
import tensorflow as tf

from aac_tf.audio.checks import first_reason, is_finite_and_audible, require, sound_checks
from aac_tf.audio.errors import AudioError
from aac_tf.audio.levels import scale_down
from aac_tf.audio.resample import resample
from aac_tf.audio.sound_file import SoundFile
from aac_tf.audio.wav import try_decode_wav

_COMMON_RATES = (16000, 22050, 32000, 44100, 48000)


def load_audio(path, sample_rate=None):
    """Reads a sound file as a mono waveform; `SoundFile` reads long files in parts.

    Args:
        path: str or path-like, as for `SoundFile`.
        sample_rate: int, sample rate in Hz to resample to; None keeps the file's own.

    Returns:
        `(waveform, sample_rate)`: float32 `[samples]`, the mean of the channels with full scale at 1; int, Hz.

    Raises:
        AudioError: if the file is missing, a directory, empty, not audio, truncated, damaged, silent, shorter than
            0.05 s, or has samples that are not finite or beyond ±10000.

    Example:
        >>> from aac_tf.audio import load_audio
        >>> waveform, rate = load_audio("rain.wav", sample_rate=16000)  # doctest: +SKIP
    """
    file = SoundFile(path)
    parts = list(file.parts(sample_rate))
    waveform = parts[0] if len(parts) == 1 else tf.concat(parts, axis=0)
    scaled = scale_down(waveform.numpy(), path)
    return tf.convert_to_tensor(scaled), file.sample_rate if sample_rate is None else sample_rate


def read_audio(path, sample_rate):
    """`load_audio` for graphs: reads, decodes, checks and resamples a file inside `Dataset.map`.

    Args:
        path: scalar string tensor.
        sample_rate: int, sample rate of the result in Hz.

    Returns:
        float32 `[samples]`.

    Raises:
        tf.errors.OpError: if the file cannot be used; `error_reason(str(error))` is the reason. Unlike `load_audio`'s
            error, it does not name the file.
    """
    # libsndfile and NumPy release Python's lock while they work, so that the threads of `Dataset.map` read in parallel.
    # TensorFlow's operations stay outside: inside they could wait for the threads that wait for them.
    waveform, rate, reason = tf.numpy_function(_read, [path], [tf.float32, tf.int32, tf.string])
    waveform, rate, reason = (tf.ensure_shape(*item) for item in ((waveform, [None]), (rate, []), (reason, [])))
    with tf.control_dependencies(require((tf.equal(reason, ""), reason))):
        waveform = tf.identity(waveform)
    return tf.ensure_shape(_resample_common(waveform, rate, sample_rate), [None])


def _resample_common(waveform, rate, sample_rate):
    """`resample`, which is twice as fast for rates that are known when the graph is built."""
    branches = [lambda known=known: resample(waveform, known, sample_rate) for known in _COMMON_RATES]
    index = tf.argmax(tf.constant([*_COMMON_RATES, 0]) == tf.where(tf.reduce_any(rate == _COMMON_RATES), rate, 0))
    return tf.switch_case(tf.cast(index, tf.int32), branches, lambda: resample(waveform, rate, sample_rate))


def _read(path):
    path = path if isinstance(path, bytes) else path.item()  # in eager mode an array
    try:
        file = SoundFile(os.fsdecode(path))
        return file.read(), np.int32(file.sample_rate), b""
    except AudioError as error:
        return np.zeros([0], np.float32), np.int32(1), error.reason.encode(errors="replace")


def read_wavs(contents, sample_rate):
    """Decodes, checks and resamples WAV files in a SavedModel; an unusable file does not affect the others.

    Args:
        contents: string tensor `[batch]`, bytes of the files.
        sample_rate: int, sample rate of the result in Hz.

    Returns:
        `(waveform, length, reason)`: float32 `[batch, samples]`, zero-padded on the right; int32 `[batch]`, 0 for an
        unusable file; string `[batch]`, why a file is unusable, empty for the others.
    """

    def read(contents):
        waveform, rate, reason = try_decode_wav(contents)
        checks = sound_checks(tf.size(waveform), rate, *is_finite_and_audible(waveform))
        reason = first_reason((tf.equal(reason, ""), reason), *checks)
        waveform = tf.cond(
            tf.equal(reason, ""), lambda: resample(waveform, rate, sample_rate), lambda: tf.zeros([0], tf.float32)
        )
        return tf.ensure_shape(waveform, [None]), reason

    waveforms, reasons = tf.map_fn(
        read,
        contents,
        fn_output_signature=(tf.RaggedTensorSpec([None], tf.float32, ragged_rank=0), tf.TensorSpec([], tf.string)),
    )
    return waveforms.to_tensor(), tf.cast(waveforms.row_lengths(), tf.int32), reasons
