"""Sound files as waveforms that are fit to be captioned: whole, in `tf.data`, or in a SavedModel."""

from __future__ import annotations

import tensorflow as tf

from aac_tf.audio.checks import first_reason, is_finite_and_audible, require, sound_checks
from aac_tf.audio.decode import decode_audio
from aac_tf.audio.resample import resample
from aac_tf.audio.sound_file import SoundFile
from aac_tf.audio.wav import try_decode_wav


def load_audio(path, sample_rate=None):
    """Read a sound file: WAV, FLAC, Ogg Vorbis or MP3, its channels averaged.

    Args:
      path: The file, str or path-like; whatever `tf.io.gfile` reads.
      sample_rate: Rate in Hz to resample to, int; None keeps the file's own.

    Returns:
      (waveform float32 [samples], full scale at 1; sample rate in Hz, int).

    Raises:
      AudioError: The file is missing, a directory, empty, not audio, truncated or damaged, silent, shorter than 0.05 s,
        or has samples that are not finite. `SoundFile` reads a long file in parts.
    """
    file = SoundFile(path)
    parts = list(file.parts(sample_rate))
    waveform = parts[0] if len(parts) == 1 else tf.concat(parts, axis=0)
    return waveform, file.sample_rate if sample_rate is None else sample_rate


def read_audio(path, sample_rate):
    """`load_audio` for graphs: read, decode, check and resample a file inside `Dataset.map`.

    Args:
      path: Scalar string tensor.
      sample_rate: Rate in Hz wanted, int.

    Returns:
      float32 [samples].

    Raises:
      tf.errors.OpError: The file cannot be used, for the reason that `error_reason(str(error))` tells. TensorFlow does
        not say which file that was: `load_audio` does.
    """
    waveform, rate = decode_audio(tf.io.read_file(path))
    with tf.control_dependencies(require(*sound_checks(tf.size(waveform), rate, *is_finite_and_audible(waveform)))):
        waveform = tf.identity(waveform)
    return tf.ensure_shape(resample(waveform, rate, sample_rate), [None])


def read_wavs(contents, sample_rate):
    """Decode, check and resample WAV files in a SavedModel; a file that cannot be used spares the others.

    Args:
      contents: Bytes of the files, a string tensor [batch].
      sample_rate: Rate in Hz wanted, int.

    Returns:
      (waveform float32 [batch, samples], padded with zeros on the right; its length, int32 [batch], 0 for a file that
      cannot be used; reason, a string tensor [batch], why it cannot, empty for the others).
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
