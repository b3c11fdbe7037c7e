"""Sound files read in parts, so that hours of sound need no more memory than minutes."""

from __future__ import annotations

import functools
import os
import threading

import tensorflow as tf

from aac_tf.audio.checks import first_reason, is_finite_and_audible, require, sound_checks
from aac_tf.audio.decode import check_compressed, decode_audio, mix_down, tensorflow_io
from aac_tf.audio.errors import AudioError, error_reason
from aac_tf.audio.resample import resample, resampled_length, resampling_ratio
from aac_tf.audio.wav import wav_layout, wav_samples

PART_SECONDS = 30
WHOLE_BYTES = 2**23  # of a compressed file that is decoded at once, which several threads can do at a time
_HEAD_BYTES = 2**16  # of a WAV file; nearly always its samples start there
_COMPILING = threading.Lock()


class SoundFile:
    """A WAV, FLAC, Ogg Vorbis or MP3 file.

    Args:
      path: The file, str or path-like; whatever `tf.io.gfile` reads.

    Attributes:
      sample_rate: Hz, int.
      samples: Number of samples of one channel, int.

    Raises:
      AudioError: The file is missing, a directory, empty, not audio, truncated or damaged.

    Example:
      >>> file = SoundFile("an_hour.flac")
      >>> sum(float(tf.reduce_sum(part**2)) for part in file.parts(16000))  # energy
    """

    def __init__(self, path):
        self.path = path
        name = os.fspath(path)
        try:
            if tf.io.gfile.isdir(name):
                raise AudioError(path, "a directory, not a file")
            self.sample_rate, self.samples, self._read = _open_wav(name) or _open_compressed(name)
        except tf.errors.OpError as error:
            raise AudioError(path, error_reason(error.message)) from error
        except UnicodeEncodeError as error:
            raise AudioError(path, "its name is not UTF-8") from error

    def parts(self, sample_rate=None):
        """Read the file from its beginning to its end.

        Args:
          sample_rate: Rate in Hz to resample to, int; None keeps the file's own.

        Yields:
          float32 [samples], the mean of the channels, full scale at 1: of `PART_SECONDS` each, but for the last.

        Raises:
          AudioError: At the end, if all of the file is silent, it is shorter than 0.05 s, or any sample is not finite.
            Also where the file is damaged after all.
        """
        own, wanted = self.sample_rate, sample_rate or self.sample_rate
        with _COMPILING:  # files are read in threads
            convert, up, down = _converter(own, wanted)
        # Every part begins where a new sample falls on an old one, and hears more of its neighbours than the filter.
        size, context = (-(-seconds * own // down) * down for seconds in (PART_SECONDS, 1))
        missing, finite, audible = resampled_length(self.samples, own, wanted), True, False
        try:
            for start in range(0, self.samples, size):
                first, last = max(start - context, 0), start + size + context
                part = self._read(first, min(last, self.samples))
                if start and last > self.samples:
                    part = tf.pad(part, [[0, last - self.samples]])
                part, part_finite, part_audible = convert(part)
                finite, audible = finite and bool(part_finite), audible or bool(part_audible)
                skipped = (start - first) * up // down
                count = missing if start + size >= self.samples else min(size * up // down, missing)
                part = part[skipped : skipped + count] if skipped or count < len(part) else part
                # Rates without an exact ratio may leave some samples without sound.
                yield tf.pad(part, [[0, count - len(part)]]) if count > len(part) else part
                missing -= count
        except tf.errors.OpError as error:
            raise AudioError(self.path, error_reason(error.message)) from error
        reason = _reason(self.samples, own, finite, audible).numpy().decode()
        if reason:
            raise AudioError(self.path, reason)


def _open_wav(name):
    """Sample rate, number of samples and a function `(start, stop) -> samples`; None if it is no WAV file."""
    with tf.io.gfile.GFile(name, "rb") as file:
        head, total = file.read(_HEAD_BYTES), file.size()
        if not head.startswith(b"RIFF"):
            return None
        layout = _layout(head, total)
        if layout.reason and total > len(head):
            layout = _layout(head + file.read(), total)
    require((layout.reason == "", layout.reason))
    start, block = int(layout.start), int(layout.block)

    def read(first, last):
        with tf.io.gfile.GFile(name, "rb") as file:
            file.seek(start + first * block)
            return _samples(file.read((last - first) * block), layout.encoding, layout.channels)

    return int(layout.rate), int(layout.size) // block, read


def _open_compressed(name):
    contents = tf.io.read_file(name)
    if tf.strings.length(contents) > WHOLE_BYTES:
        rate, _ = _check(contents)
        try:
            reader = _PartReader(name)
            return int(rate), reader.samples, reader.read
        except tf.errors.InvalidArgumentError:
            pass  # a FLAC behind an ID3 tag, which the decoder knows and the reader does not
    waveform, rate = _decode(contents)
    return int(rate), len(waveform), lambda first, last: waveform[first:last]


class _PartReader:
    """Parts of a compressed file, by tensorflow-io, which has one reader for all files and threads of a process.

    Whatever it opens takes the place of what it had open, so that readers take turns.
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
        """float32 [last - first]."""
        with self._turn:
            if self._last is not self:
                self._open()
            return mix_down(self._sound[first:last])


_BYTES, _NUMBER, _TRUTH = (tf.TensorSpec([], dtype) for dtype in (tf.string, tf.int32, tf.bool))
# The many small operations of a header's reading cost more one by one than the decoding itself.
_layout = tf.function(wav_layout, input_signature=[_BYTES, tf.TensorSpec([], tf.int64)])
_samples = tf.function(wav_samples, input_signature=[_BYTES, _NUMBER, _NUMBER])
_reason = tf.function(
    lambda *found: first_reason(*sound_checks(*found)), [tf.TensorSpec([], tf.int64), _NUMBER, *[_TRUTH] * 2]
)
_check = tf.function(check_compressed, input_signature=[_BYTES])
_decode = tf.function(decode_audio, input_signature=[_BYTES])


@functools.lru_cache(maxsize=64)
def _converter(rate_in, rate_out):
    # Compiled for these rates the filter is a constant, and its making, most of the work for a short clip, done once.
    def convert(waveform):
        return resample(waveform, rate_in, rate_out), *is_finite_and_audible(waveform)

    convert = tf.function(convert, [tf.TensorSpec([None], tf.float32)], autograph=False)
    return convert.get_concrete_function(), *resampling_ratio(rate_in, rate_out)
