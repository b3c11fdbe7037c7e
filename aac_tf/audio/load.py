"""Sound files read as waveforms that are fit to be captioned, and readable reasons for those that are not."""

from __future__ import annotations

import functools
import os
import re
import threading

import tensorflow as tf

from aac_tf.audio.decode import decode_audio
from aac_tf.audio.resample import resample
from aac_tf.audio.wav import first_reason, require, try_decode_wav

_SHORTEST_SECONDS = 0.05
_COMPILING = threading.Lock()

# Our own checks carry their reason (see `wav.require`); these are the messages of TensorFlow and tensorflow-io.
_OWN_REASON = re.compile(r"audio: ([^\]'\"\n]*)")
_REASONS = (
    (
        r"could not open input as an OggVorbis|seek failed|unable to (?:read|seek)|read \d+ from|read failed"
        r"|invalid_bits_per_sample",
        "truncated or damaged",
    ),
    (r"invalid mp3", "not a WAV, FLAC, Ogg Vorbis or MP3 file"),
    (r"OOM when allocating", "damaged, or too long for the memory of this machine"),
    (r"; Is a directory", "a directory, not a file"),
    (r"; No such file or directory", "no such file"),
    (r"; Permission denied", "no permission to read it"),
)
# What TensorFlow puts around the sentence that says something.
_NOISE = re.compile(r"\{\{.*?\}\}|Graph execution error:|\[Op:\w+\]|name:\s*$", re.MULTILINE)


class AudioError(ValueError):
    """A sound file that cannot be used.

    Args:
      path: The file, as it was named by the caller.
      reason: What is wrong with it, a phrase.
    """

    def __init__(self, path, reason):
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self):
        return f"{self.path}: {self.reason}"


def error_reason(message):
    """Put the message of an error that TensorFlow raised while it read a sound file into a short phrase.

    Args:
      message: str of the exception, from `decode_audio`, `read_audio` or a `tf.data` pipeline that maps one of them.

    Returns:
      The reason, str; the first line of a message that is not known here.
    """
    own = _OWN_REASON.search(message)
    if own:
        return own.group(1).strip()
    for pattern, reason in _REASONS:
        if re.search(pattern, message):
            return reason
    lines = [line.strip() for line in _NOISE.sub("", message).splitlines()]
    return next((line for line in lines if line), "unknown error")


def load_audio(path, sample_rate=None):
    """Read a sound file: WAV, FLAC, Ogg Vorbis or MP3, its channels averaged.

    Args:
      path: The file, str or path-like; whatever `tf.io.gfile` reads.
      sample_rate: Rate in Hz to resample to, int; None keeps the file's own.

    Returns:
      (waveform float32 [samples], full scale at 1; sample rate in Hz, int).

    Raises:
      AudioError: The file is missing, a directory, empty, not audio, truncated or damaged, silent, shorter than 0.05 s,
        or has samples that are not finite.
    """
    name = os.fspath(path)
    try:
        if tf.io.gfile.isdir(name):
            raise AudioError(path, "a directory, not a file")
        waveform, rate = _read_compiled(tf.constant(name))
    except tf.errors.OpError as error:
        raise AudioError(path, error_reason(error.message)) from error
    except UnicodeEncodeError as error:
        raise AudioError(path, "its name is not UTF-8") from error
    rate = int(rate)
    if sample_rate is None or sample_rate == rate:
        return waveform, rate
    with _COMPILING:  # files are read in threads
        convert = _resampler(rate, sample_rate)
    return convert(waveform), sample_rate


@functools.lru_cache(maxsize=64)
def _resampler(rate_in, rate_out):
    # Compiled for these rates the filter is a constant, and its making, most of the work for a short clip, done once.
    signature = [tf.TensorSpec([None], tf.float32)]
    convert = tf.function(lambda waveform: resample(waveform, rate_in, rate_out), signature, autograph=False)
    return convert.get_concrete_function()


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
    waveform, rate = _read(path)
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
        reason = first_reason((tf.equal(reason, ""), reason), *_sound_checks(waveform, rate))
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


def _read(path):
    waveform, rate = decode_audio(tf.io.read_file(path))
    return _checked(waveform, rate), rate


# The many small operations of a header's reading cost more one by one than the decoding itself.
_read_compiled = tf.function(_read, input_signature=[tf.TensorSpec([], tf.string)])


def _checked(waveform, rate):
    with tf.control_dependencies(require(*_sound_checks(waveform, rate))):
        return tf.identity(waveform)


def _sound_checks(waveform, rate):
    """What a decoded file must be to be captioned, as checks for `require`."""
    seconds = tf.cast(tf.size(waveform), tf.float32) / tf.cast(rate, tf.float32)
    return (
        (tf.size(waveform) > 0, "the file holds no samples"),
        (seconds >= _SHORTEST_SECONDS, f"shorter than {_SHORTEST_SECONDS} s"),
        (tf.reduce_all(tf.math.is_finite(waveform)), "NaN or infinite samples"),
        (tf.reduce_any(tf.not_equal(waveform, 0.0)), "silent: every sample is zero"),
    )
