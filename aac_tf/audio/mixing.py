"""Mixing the channels of a sound down to one."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from aac_tf.audio.levels import peak

# Level of the mean below the loudest channel at which the channels cancel each other, -60 dB.
CANCELLED = 1e-3


class Mixer:
    """Mixes the blocks of one sound: the mean of the channels, or the loudest channel if they cancel each other.

    The first block that is not silent decides for all, so that the blocks of a sound fit together.
    """

    def __init__(self):
        self._channel = self._decided = None

    def __call__(self, block):
        """float32 numpy array `[samples]` from one `[samples, channels]`."""
        if block.shape[1] == 1:
            return block[:, 0]
        if self._channel is not None:
            return np.ascontiguousarray(block[:, min(self._channel, block.shape[1] - 1)])
        # Column by column, since the mean over a short axis is several times slower.
        mix = block[:, 0].copy()
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused as infinite
            for channel in range(1, block.shape[1]):
                mix += block[:, channel]
        mix /= block.shape[1]
        if self._decided:
            return mix
        loudest = peak(block)
        self._decided = loudest > 0
        if peak(mix) < CANCELLED * loudest:
            self._channel = int(np.abs(block).max(axis=0).argmax())
            return np.ascontiguousarray(block[:, self._channel])
        return mix


def mix_in_graph(channels):
    """Mixes float32 `[samples, channels]` as `Mixer` does, in a graph."""
    mean, peaks = tf.reduce_mean(channels, axis=1), tf.reduce_max(tf.abs(channels), axis=0)
    cancelled = tf.reduce_max(tf.abs(mean)) < CANCELLED * tf.reduce_max(peaks)
    return tf.cond(cancelled, lambda: channels[:, tf.argmax(peaks, output_type=tf.int32)], lambda: mean)
