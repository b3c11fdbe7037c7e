"""Sinusoidal position encoding."""

import math

import numpy as np
import tensorflow as tf


def sinusoids(positions, width):
    """Encodes positions as sines and cosines of geometrically increasing wavelengths.

    Args:
        positions: int tensor of any shape `[...]`.
        width: int.

    Returns:
        float32 `[..., width]`: sines at even indices, cosines of the same angles at odd ones.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models.positions import sinusoids
        >>> sinusoids(tf.constant([0, 1]), width=4).numpy().round(2)
        array([[0.  , 1.  , 0.  , 1.  ],
               [0.84, 0.54, 0.01, 1.  ]], dtype=float32)

    Reference:
        A. Vaswani et al., Attention Is All You Need, NeurIPS 2017.
    """
    index = np.arange(width)
    frequency = (10000.0 ** (-(index // 2 * 2) / width)).astype(np.float32)
    phase = (index % 2 * (math.pi / 2)).astype(np.float32)
    return tf.sin(tf.cast(positions, tf.float32)[..., tf.newaxis] * frequency + phase)
