"""Sound files read in parts, so that an hour of sound needs no more memory than a minute."""

from __future__ import annotations

import types

import numpy as np
import tensorflow as tf

from aac_tf.audio.backends import OnHost
from aac_tf.audio.checks import sound_checks
from aac_tf.audio.errors import AudioError, Unusable
from aac_tf.audio.levels import BEYOND, LIMIT, LOUD, peak, scale_down
from aac_tf.audio.mixing import Mixer
from aac_tf.audio.parts import PART_SECONDS, resampled_parts
from aac_tf.audio.readers import open_sound

WHOLE_SECONDS = 600  # sounds whose length only decoding tells are kept in memory up to this length


class SoundFile:
    """A sound file, read in parts.

    libsndfile reads WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF, AU, CAF, Wave64 and others. FFmpeg reads M4A, WebM and
    other containers, if PyAV is installed. Truncated files are refused.

    Args:
        path: str or path-like: a local file, any file that `tf.io.gfile` reads, or "-" for standard input.

    Attributes:
        sample_rate: int, Hz.
        samples: int, number of samples of one channel.

    Raises:
        AudioError: if the file is missing, not a regular file, empty, not audio, truncated or damaged.

    Example:
        >>> from aac_tf.audio import SoundFile
        >>> file = SoundFile("an_hour.flac")  # doctest: +SKIP
        >>> sum(len(part) for part in file.parts(sample_rate=16000))  # doctest: +SKIP
        57600000
    """

    def __init__(self, path):
        self.path, self._kept = path, None
        try:
            self._stream = open_sound(path)
            self.sample_rate, self.samples = self._stream.sample_rate, self._stream.samples
            if self.samples is None:
                self._count()
        except Unusable as error:
            raise AudioError(path, str(error)) from error

    def _count(self):
        self.samples, self._kept = 0, []
        for block in self._mixed():
            self.samples += len(block)
            if self.samples > WHOLE_SECONDS * self.sample_rate:
                self._kept = None
            if self._kept is not None:
                self._kept.append(block)

    def _mixed(self):
        mix = Mixer()
        return (mix(block) for block in self._stream.blocks())

    def _measured(self, found):
        """Yields the mixed blocks, and sets `found.loudest`; raises `Unusable` if blocks are missing."""
        samples, found.loudest = 0, 0.0
        for block in self._mixed() if self._kept is None else self._kept:
            # `max` would drop NaN.
            samples, found.loudest = samples + len(block), np.maximum(found.loudest, peak(block))
            yield block
        if samples < self.samples:
            raise Unusable(f"truncated or damaged: expected {self.samples} samples, found {samples}")

    def _check(self, found):
        loudest = found.loudest
        checks = sound_checks(self.samples, self.sample_rate, bool(np.isfinite(loudest)), loudest != 0)
        reason = OnHost.first_reason(*checks, (loudest <= LIMIT, BEYOND))
        if reason:
            raise Unusable(reason)

    def read(self):
        """Reads the whole file at its own sample rate.

        Returns:
            float32 numpy array `[samples]`, the channels mixed as by `parts`, with full scale at 1. Samples beyond ±10
            are scaled down, with a warning.

        Raises:
            AudioError: as for `parts`.
        """
        found = types.SimpleNamespace()
        try:
            blocks = list(self._measured(found))
            self._check(found)
        except Unusable as error:
            raise AudioError(self.path, str(error)) from error
        waveform = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        return waveform if found.loudest <= LOUD else scale_down(waveform, self.path)

    def parts(self, sample_rate=None):
        """Reads the file from start to end.

        Args:
            sample_rate: int, sample rate in Hz to resample to; None keeps the file's own.

        Yields:
            float32 `[samples]`, the mean of the channels (or the loudest channel, if they cancel each other) with full
            scale at 1: `PART_SECONDS` or slightly more, except for the last part.

        Raises:
            AudioError: at the end if the whole file is silent, is shorter than 0.05 s, or has samples that are not
                finite or beyond ±10000; earlier if the file turns out to be damaged.
        """
        own, wanted = self.sample_rate, self.sample_rate if sample_rate is None else sample_rate
        found = types.SimpleNamespace()
        try:
            yield from resampled_parts(self._measured(found), self.samples, own, wanted, PART_SECONDS)
            self._check(found)
        except Unusable as error:
            raise AudioError(self.path, str(error)) from error
        except tf.errors.ResourceExhaustedError as error:
            raise AudioError(self.path, "too long for this machine's memory") from error
