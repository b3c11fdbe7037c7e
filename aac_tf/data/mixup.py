"""Draws with which clip of its batch each training clip is mixed, and how much; `aac_tf.models.mixup` mixes them."""

import tensorflow as tf


def draw_share(alpha, seed):
    """Draws the share of a clip in its mixture.

    Args:
        alpha: float, parameter of the distribution Beta(alpha, alpha).
        seed: int `[2]`.

    Returns:
        float32 scalar from 0.5 to 1. The half below is folded onto it, so that a mixture is mostly its first clip.

    Example:
        >>> from aac_tf.data.mixup import draw_share
        >>> 0.5 <= float(draw_share(0.4, [1, 2])) <= 1
        True
    """
    first, second = tf.unstack(tf.random.stateless_gamma([2], seed, alpha=alpha))
    # For a small alpha, both can be too small for a float.
    share = tf.math.divide_no_nan(first, first + second)
    return tf.maximum(share, 1 - share)


def find_partners(filled):
    """Selects the partner of each row of a batch: the next one, which is a random one as batches are shuffled.

    Args:
        filled: bool `[rows]`, false for the rows at the end that fill up the batch; they are nobody's partner.

    Returns:
        int32 `[rows]`.

    Example:
        >>> from aac_tf.data.mixup import find_partners
        >>> find_partners([True, True, True, False]).numpy().tolist()
        [1, 2, 0, 0]
    """
    count = tf.reduce_sum(tf.cast(filled, tf.int32))
    following = tf.range(tf.shape(filled)[0]) + 1
    return tf.where(following < count, following, 0)
