"""Sound files read in parts, so that an hour of sound needs no more memory than a minute."""

from __future__ import annotations

import functools
import os
import struct
import threading

import tensorflow as tf

from aac_tf.audio.checks import first_reason, is_finite_and_audible, require, sound_checks
from aac_tf.audio.decode import check_compressed, decode_compressed, mix_down, tensorflow_io
from aac_tf.audio.errors import AudioError, error_reason
from aac_tf.audio.flac import FLAC_DTYPES
from aac_tf.audio.resample import resample, resampled_length, resampling_ratio
from aac_tf.audio.wav import FORMAT_BYTES, HEADER_BYTES, WAV_MAGIC, find_chunks, read_bytes, wav_layout, wav_samples

PART_SECONDS = 30
WHOLE_SECONDS = 600  # shorter compressed files are decoded at once, which several threads can do in parallel
_COMPILING = threading.Lock()


class SoundFile:
    """A WAV, FLAC, Ogg Vorbis or MP3 file, read in parts.

    The parts together are what reading the whole file gives. The exception is an MP3 with undetected damage in its
    middle, after which tensorflow-io may return different samples.

    Args:
        path: str or path-like, any file that `tf.io.gfile` reads.

    Attributes:
        sample_rate: int, Hz.
        samples: int, number of samples of one channel.

    Raises:
        AudioError: if the file is missing, a directory, empty, not audio, truncated or damaged.

    Example:
        >>> from aac_tf.audio import SoundFile
        >>> file = SoundFile("an_hour.flac")  # doctest: +SKIP
        >>> sum(len(part) for part in file.parts(sample_rate=16000))  # doctest: +SKIP
        57600000
    """

    def __init__(self, path):
        self.path = path
        name = os.fspath(path)
        try:
            if tf.io.gfile.isdir(name):
                raise AudioError(path, "a directory, not a file")
            with tf.io.gfile.GFile(name, "rb") as file:
                header, total = file.read(HEADER_BYTES), file.size()
                is_wav = header.startswith(WAV_MAGIC)
                found = _open_wav(name, file, header, total) if is_wav else _open_compressed(name, total)
            self.sample_rate, self.samples, self._read = found
        except tf.errors.OpError as error:
            raise AudioError(path, error_reason(error.message)) from error
        except UnicodeEncodeError as error:
            raise AudioError(path, "its name is not UTF-8") from error

    def parts(self, sample_rate=None):
        """Reads the file from start to end.

        Args:
            sample_rate: int, sample rate in Hz to resample to; None keeps the file's own.

        Yields:
            float32 `[samples]`, the mean of the channels with full scale at 1: `PART_SECONDS` or slightly more, except
            for the last part.

        Raises:
            AudioError: at the end if the whole file is silent, is shorter than 0.05 s, or has samples that are not
                finite; earlier if the file turns out to be damaged.
        """
        own, wanted = self.sample_rate, self.sample_rate if sample_rate is None else sample_rate
        with _COMPILING:  # threads read files in parallel
            convert, up, down = _converter(own, wanted)
        # A part starts where input and output samples coincide, and is read with more context than the filter spans.
        size, context = (-(-seconds * own // down) * down for seconds in (PART_SECONDS, 1))
        missing, finite, audible = resampled_length(self.samples, own, wanted), True, False
        try:
            for start in range(0, self.samples, size):
                first, last = max(start - context, 0), start + size + context
                part = self._read(first, min(last, self.samples))
                if len(part) < min(last, self.samples) - first:
                    raise AudioError(self.path, "truncated while being read")
                if start and last > self.samples:
                    part = tf.pad(part, [[0, last - self.samples]])
                part, part_finite, part_audible = convert(part)
                finite, audible = finite and bool(part_finite), audible or bool(part_audible)
                skipped = (start - first) * up // down
                count = missing if start + size >= self.samples else min(size * up // down, missing)
                part = part[skipped : skipped + count] if skipped or count < len(part) else part
                # Without an exact ratio of the rates, the last part may be a few samples short.
                yield tf.pad(part, [[0, count - len(part)]]) if count > len(part) else part
                missing -= count
        except tf.errors.OpError as error:
            raise AudioError(self.path, error_reason(error.message)) from error
        reason = _reason(self.samples, own, finite, audible).numpy().decode()
        if reason:
            raise AudioError(self.path, reason)


def _open_wav(name, file, header, total):
    """Sample rate, number of samples and a function `(start, stop) -> samples`."""

    def read_bytes_at(position, count):
        file.seek(position)
        return file.read(count)

    chunks = find_chunks(lambda position: struct.unpack("<4sI", read_bytes_at(position, 8)), total)
    layout = _layout(header, read_bytes_at(chunks[0], FORMAT_BYTES), *chunks, total)
    require((layout.reason == "", layout.reason))
    start, block = int(layout.start), int(layout.block)

    def read(first, last):
        with tf.io.gfile.GFile(name, "rb") as file:
            file.seek(start + first * block)
            data = file.read((last - first) * block)
            return _samples(data[: len(data) // block * block], layout.encoding, layout.channels)

    return int(layout.rate), int(layout.size) // block, read


def _open_compressed(name, total):
    require((total < 2**31, "larger than 2 GB, which only WAV files may be"))  # limit of a string tensor
    contents = tf.io.read_file(name)
    rate, decoder, samples = _check(contents)
    if samples > WHOLE_SECONDS * rate.numpy():
        try:
            reader = _PartReader(name)
            return int(rate), reader.samples, reader.read
        except tf.errors.InvalidArgumentError:
            # A FLAC file with an ID3 tag in front: the reader rejects it, the decoder does not.
            if decoder >= len(FLAC_DTYPES):
                raise
    waveform = _decode(contents, decoder)
    return int(rate), len(waveform), lambda first, last: waveform[first:last]


class _PartReader:
    """Reads parts of a compressed file with tensorflow-io.

    tensorflow-io has one reader for all files and threads of a process. Opening a file closes the one before, so that
    instances take turns.
    """

    _turn = threading.Lock()
    _last = None

    def __init__(self, name):
        self._name = name
        with self._turn:
            self._open()
            self.samples = int(self._sound.shape[0])

    def _open(self):
        _PartReader._last = None
        self._sound = tensorflow_io("AudioIOTensor")(self._name)
        _PartReader._last = self

    def read(self, first, last):
        """float32 `[last - first]`."""
        with self._turn:
            if self._last is not self:
                self._open()
            return mix_down(self._sound[first:last])


_BYTES, _NUMBER, _TRUTH = (tf.TensorSpec([], dtype) for dtype in (tf.string, tf.int32, tf.bool))
# Compiled, since the many small operations that read a header cost more in eager mode than the decoding.
_layout = tf.function(
    lambda header, form, *numbers: wav_layout(
        read_bytes(header, 0, HEADER_BYTES), read_bytes(form, 0, FORMAT_BYTES), *numbers
    ),
    input_signature=[_BYTES, _BYTES, *[tf.TensorSpec([], tf.int64)] * 4],
)
_samples = tf.function(wav_samples, input_signature=[_BYTES, _NUMBER, _NUMBER])
_reason = tf.function(
    lambda *found: first_reason(*sound_checks(*found)), [tf.TensorSpec([], tf.int64), _NUMBER, *[_TRUTH] * 2]
)
_check = tf.function(check_compressed, input_signature=[_BYTES])
_decode = tf.function(decode_compressed, input_signature=[_BYTES, _NUMBER])


@functools.lru_cache(maxsize=64)
def _converter(rate_in, rate_out):
    # Compiled for these rates the filter is a constant; computing it is most of the work for a short clip.
    def convert(waveform):
        return resample(waveform, rate_in, rate_out), *is_finite_and_audible(waveform)

    compiled = tf.function(convert, [tf.TensorSpec([None], tf.float32)], autograph=False)
    return compiled.get_concrete_function(), *resampling_ratio(rate_in, rate_out)
