"""SpecAugment: hide a stretch of time and a band of frequencies of a training clip."""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class SpecAugment:
    """Mask one random run of frames and one random run of bins of a spectrogram.

    The masks look like those of `tfio.audio.time_mask` and `tfio.audio.freq_mask`, which are not used because they draw
    from the global random state, so that a run cannot be repeated, and fail on clips shorter than the mask.

    Args:
      max_frames: Longest time mask in frames; the width is uniform in 0..max_frames.
      max_bins: Widest frequency mask in bins; the width is uniform in 0..max_bins.
      probability: Share of clips that are masked at all.
      mask_value: What masked frames and bins are set to.

    Raises:
      ValueError: A negative width, or a probability outside 0..1.

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

    def draw(self, frames, bins, seed):
        """Draw the masks of one clip; at least one frame and one bin stay.

        Args:
          frames: Frames of the clip, an int or a scalar int tensor, at least 1.
          bins: Bins of the clip, an int or a scalar int tensor, at least 1.
          seed: int [2]; the same seed gives the same masks.

        Returns:
          (time_start, time_width, bin_start, bin_width), int32 scalars; both widths are 0 for a clip left as it is.
        """
        uniform = tf.random.stateless_uniform([5], seed)
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
        """Mask one clip.

        Args:
          spectrogram: float [frames, bins], without padding.
          seed: int [2].

        Returns:
          The same shape and dtype.
        """
        frames, bins = tf.shape(spectrogram)[0], tf.shape(spectrogram)[1]
        time_start, time_width, bin_start, bin_width = self.draw(frames, bins, seed)
        masked = _run(frames, time_start, time_width)[:, tf.newaxis] | _run(bins, bin_start, bin_width)
        return tf.where(masked, tf.cast(self.mask_value, spectrogram.dtype), spectrogram)


def _below(limit, uniform):
    """An int32 in 0..limit-1 from a number that is uniform in [0, 1)."""
    return tf.cast(uniform * tf.cast(limit, tf.float32), tf.int32)


def _run(size, start, width):
    index = tf.range(size)
    return (index >= start) & (index < start + width)
