"""From sounds to batches of features: what a `Captioner` computes before its model."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
import tensorflow as tf

from aac_tf.audio import AudioError
from aac_tf.audio.file_spectrogram import spectrogram_of_file
from aac_tf.audio.long_spectrogram import long_spectrogram, spectrogram_of_waveform
from aac_tf.audio.waveforms import read_waveform


@dataclasses.dataclass(frozen=True)
class SoundFeatures:
    """The features of a sound.

    Attributes:
        features: tensor float32 `[frames, bins]`; from a `JointFrontEnd` a tuple of them.
        seconds: float, length of the sound.
    """

    features: Any
    seconds: float

    @property
    def frames(self) -> int:
        """Number of frames, the highest of all models."""
        return max(map(len, tf.nest.flatten(self.features)))


class FrontEnd:
    """The front end of one model.

    Args:
        spec: `SpectrogramSpec` of the model's input.

    Attributes:
        spec: `SpectrogramSpec`.
        bins: int, width of the features.

    Example:
        >>> import numpy as np
        >>> from aac_tf.audio import YAMNET
        >>> from aac_tf.inference.front_end import FrontEnd
        >>> front_end = FrontEnd(YAMNET)
        >>> sounds = [front_end.read(np.sin(np.arange(n))) for n in (16000, 32000)]
        >>> features, length = front_end.batch(sounds)
        >>> features.shape, length.tolist()
        ((2, 240, 64), [144, 240])
    """

    def __init__(self, spec):
        self.spec = spec

    @property
    def bins(self):
        """See the class."""
        return self.spec.num_bins

    def read(self, sound, sample_rate=None):
        """Computes the features of a sound.

        Args:
            sound: path or waveform, as for `Captioner.caption`.
            sample_rate: as for `Captioner.caption`.

        Returns:
            `SoundFeatures`.

        Raises:
            AudioError: if the sound cannot be used.
        """
        is_file = isinstance(sound, (str, os.PathLike))
        if is_file:
            features, seconds = spectrogram_of_file(sound, self.spec)
        else:
            waveform = read_waveform(sound, self.spec.sample_rate, sample_rate)
            features = spectrogram_of_waveform(waveform, self.spec)
            seconds = len(waveform) / self.spec.sample_rate
        if not bool(tf.reduce_all(tf.math.is_finite(features))):
            raise AudioError(sound if is_file else "waveform", "no finite spectrogram")
        return SoundFeatures(features, seconds)

    def batch(self, sounds):
        """Pads the features of sounds to a batch.

        Args:
            sounds: list of `SoundFeatures`.

        Returns:
            Features float32 `[batch, frames, bins]`, padded with zeros, and their lengths int32 `[batch]`.
        """
        clips = [sound.features for sound in sounds]
        length = np.array([len(features) for features in clips], np.int32)
        batch = np.zeros([len(clips), length.max(), self.bins], np.float32)
        for row, features in zip(batch, clips):
            row[: len(features)] = features
        return batch, length

    def of_waveforms(self, waveform, length):
        """Computes the features of a batch of waveforms, in the graph of an exported model.

        Args:
            waveform: float32 `[batch, samples]` at `spec.sample_rate`.
            length: int32 `[batch]`, valid samples of each clip.

        Returns:
            Features float32 `[batch, frames, bins]` and their lengths int32 `[batch]`.
        """
        return long_spectrogram(waveform, self.spec, length), self.spec.output_length(length)
