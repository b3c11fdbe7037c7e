"""Random gain and circular shift of training clips, applied to their log-mel spectrograms."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from aac_tf.audio.spectrogram import SpectrogramSpec


@dataclasses.dataclass(frozen=True)
class GainShift:
    """Changes the level of a clip and rolls it in time, as if its waveform had been changed.

    It takes spectrograms, so it works with spectrograms in memory too. The gain is exact up to rounding, except for
    values at the floor of the logarithm, which stay there. Peak-normalized spectrograms get it after the normalization.
    The shift is by whole frames, and exact for frames that do not leave one end and enter at the other.

    Args:
        spec: `SpectrogramSpec` of the spectrograms.
        gain_db: maximum gain and attenuation in dB; the gain is uniform in between.
        shift_seconds: maximum shift in seconds, in both directions; what leaves one end enters at the other.

    Raises:
        ValueError: if an argument is negative.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.audio import YAMNET
        >>> from aac_tf.audio.gain_shift import GainShift
        >>> GainShift(YAMNET, gain_db=6.0, shift_seconds=0.5)(tf.zeros([96, 64]), seed=[1, 2]).shape
        TensorShape([96, 64])
    """

    spec: SpectrogramSpec
    gain_db: float = 0.0
    shift_seconds: float = 0.0

    def __post_init__(self):
        if self.gain_db < 0 or self.shift_seconds < 0:
            raise ValueError(
                f"gain and shift must not be negative, got gain_db={self.gain_db}, shift_seconds={self.shift_seconds}"
            )

    def __call__(self, spectrogram, seed):
        """Changes one clip.

        Args:
            spectrogram: float32 `[frames, bins]`, without padding and normalization.
            seed: int `[2]`; the same seed gives the same change.

        Returns:
            The same shape and dtype.
        """
        gain, shift = tf.unstack(tf.random.stateless_uniform([2], seed, -1.0, 1.0))
        if self.gain_db:
            spectrogram = change_gain(spectrogram, self.spec, self.gain_db * gain)
        if self.shift_seconds:
            frames = self.shift_seconds * self.spec.sample_rate / self.spec.hop_length
            spectrogram = tf.roll(spectrogram, tf.cast(tf.round(frames * shift), tf.int32), axis=0)
        return spectrogram


def change_gain(spectrogram, spec, gain_db):
    """The log-mel spectrogram of a waveform that is louder by `gain_db`, a float scalar.

    Args:
        spectrogram: float32 `[..., frames, bins]`.
        spec: its `SpectrogramSpec`.
        gain_db: float scalar.

    Returns:
        Like `spectrogram`.
    """
    factor = tf.pow(10.0, gain_db * spec.power / 20)
    mel = tf.maximum(tf.exp(spectrogram) - spec.log_offset, 0.0)
    changed = tf.math.log(tf.maximum(mel * factor + spec.log_offset, spec.log_floor))
    # What is below the floor cannot be known; digital silence stays silent.
    return tf.where(spectrogram > spec.silence + 1e-4, changed, spectrogram)
