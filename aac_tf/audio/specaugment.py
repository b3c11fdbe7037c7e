"""SpecAugment: masks a run of frames and a band of bins of a training clip."""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@tf.keras.utils.register_keras_serializable("aac_tf")
@dataclasses.dataclass(frozen=True)
class SpecAugment:
    """Masks one random run of frames and one random run of bins of a spectrogram.

    The masks have the form of `tfio.audio.time_mask` and `tfio.audio.freq_mask`. These draw from the global random
    state, so that runs are not reproducible, and fail on clips shorter than the mask.

    Args:
        max_frames: maximum width of the time mask in frames; the width is uniform in 0..max_frames.
        max_bins: maximum width of the frequency mask in bins; the width is uniform in 0..max_bins.
        probability: probability that a clip is masked.
        mask_value: value of masked frames and bins.

    Raises:
        ValueError: if a width is negative or the probability is not in 0..1.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.audio import SpecAugment
        >>> masked = SpecAugment(max_frames=20, max_bins=8, probability=1.0)(tf.ones([100, 64]), seed=[1, 2])
        >>> masked.shape
        TensorShape([100, 64])

    Reference:
        D. S. Park et al., SpecAugment: a simple data augmentation method for automatic speech recognition, Interspeech
        2019, https://arxiv.org/abs/1904.08779
    """

    max_frames: int = 192
    max_bins: int = 48
    probability: float = 0.4
    mask_value: float = 0.0

    def __post_init__(self):
        if self.max_frames < 0 or self.max_bins < 0:
            raise ValueError(
                f"mask widths must not be negative, got max_frames={self.max_frames}, max_bins={self.max_bins}"
            )
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"probability must be from 0 to 1, got {self.probability}")

    def get_config(self):
        """The arguments, with which Keras stores the object in a saved model."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config):
        """Makes an object from what `get_config` returned."""
        return cls(**config)

    def draw(self, frames, bins, seed):
        """Draws the masks of one clip; at least one frame and one bin remain.

        Args:
            frames: int or int scalar tensor, frames of the clip, at least 1.
            bins: int or int scalar tensor, bins of the clip, at least 1.
            seed: int `[2]`; the same seed gives the same masks.

        Returns:
            `(time_start, time_width, bin_start, bin_width)`, int32 scalars; both widths are 0 for an unmasked clip.
        """
        return self.place(frames, bins, tf.random.stateless_uniform([5], seed))

    def place(self, frames, bins, uniform):
        """Places the masks of clips; at least one frame and one bin remain.

        Args:
            frames: int `[...]`, frames of each clip, at least 1.
            bins: int, bins of the clips, at least 1.
            uniform: float32 `[..., 5]`, random numbers from 0 to 1.

        Returns:
            As `draw`, each int32 `[...]`.
        """
        uniform = tf.unstack(uniform, axis=-1)
        applied = uniform[0] < self.probability

        def run(size, widest, first, second):
            size = tf.cast(size, tf.int32)
            width = _below(tf.minimum(widest, size - 1) + 1, first)
            return _below(size - width + 1, second), tf.where(applied, width, 0)

        return (
            *run(frames, self.max_frames, uniform[1], uniform[2]),
            *run(bins, self.max_bins, uniform[3], uniform[4]),
        )

    def __call__(self, spectrogram, seed):
        """Masks one clip.

        Args:
            spectrogram: float `[frames, bins]`, without padding.
            seed: int `[2]`.

        Returns:
            The same shape and dtype.
        """
        frames, bins = tf.shape(spectrogram)[0], tf.shape(spectrogram)[1]
        time_start, time_width, bin_start, bin_width = self.draw(frames, bins, seed)
        masked = _run(frames, time_start, time_width)[:, tf.newaxis] | _run(bins, bin_start, bin_width)
        return tf.where(masked, tf.cast(self.mask_value, spectrogram.dtype), spectrogram)

    def mask_batch(self, features, length, uniform):
        """Masks a batch of clips, but not their padding.

        Args:
            features: float `[batch, frames, bins]`, padded on the right.
            length: int `[batch]`.
            uniform: float32 `[batch, 5]`, see `place`.

        Returns:
            Like `features`.
        """
        frames, bins = tf.shape(features)[1], tf.shape(features)[2]
        placed = self.place(length, bins, uniform)
        time_start, time_width, bin_start, bin_width = (values[:, tf.newaxis] for values in placed)
        in_time = _run(frames, time_start, time_width)[:, :, tf.newaxis]
        in_bins = _run(bins, bin_start, bin_width)[:, tf.newaxis]
        masked = (in_time | in_bins) & tf.sequence_mask(length, frames)[:, :, tf.newaxis]
        return tf.where(masked, tf.cast(self.mask_value, features.dtype), features)


def _below(limit, uniform):
    """Maps a number that is uniform in [0, 1) to an int32 in 0..limit-1."""
    return tf.cast(uniform * tf.cast(limit, tf.float32), tf.int32)


def _run(size, start, width):
    index = tf.range(size)
    return (index >= start) & (index < start + width)
