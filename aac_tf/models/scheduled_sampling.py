"""Scheduled sampling: in training, the decoder sometimes sees its own previous word instead of the right one.

Both passes are parallel over words: a first one predicts each word after the right ones, words are drawn from its
predictions, and the second pass, which is trained, sees some of them.

Reference:
    S. Bengio et al., Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks, NeurIPS 2015,
    https://arxiv.org/abs/1506.03099

    T. Mihaylova, A. F. T. Martins, Scheduled Sampling for Transformers, ACL 2019 Student Research Workshop,
    https://arxiv.org/abs/1906.07651

    D. Duckworth et al., Parallel Scheduled Sampling, 2019, https://arxiv.org/abs/1906.04331
"""

import tensorflow as tf

# XLA's cumulative sum takes quadratic time on CPUs and GPUs, so probabilities are added up in blocks.
BLOCK = 64


def sample_words(logits, quantile):
    """Draws words by inverting the distribution function of each position.

    Args:
        logits: float32 `[..., vocabulary_size]`.
        quantile: float32 `[...]`, uniform random numbers from 0 to 1.

    Returns:
        int32 `[...]`.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models.scheduled_sampling import sample_words
        >>> logits = tf.math.log([[0.5, 0.25, 0.25]] * 3)
        >>> sample_words(logits, tf.constant([0.4, 0.6, 0.8])).numpy().tolist()
        [0, 1, 2]
    """
    size = logits.shape[-1]
    blocks = -(-size // BLOCK)
    shape = tf.shape(quantile)
    probabilities = tf.pad(tf.reshape(tf.nn.softmax(logits), [-1, size]), [[0, 0], [0, blocks * BLOCK - size]])
    probabilities = tf.reshape(probabilities, [-1, blocks, BLOCK])
    ends = tf.cumsum(tf.reduce_sum(probabilities, -1), axis=-1)
    level = tf.reshape(quantile, [-1, 1]) * ends[:, -1:]
    block = tf.minimum(tf.reduce_sum(tf.cast(ends <= level, tf.int32), -1), blocks - 1)
    level -= tf.gather(tf.pad(ends[:, :-1], [[0, 0], [1, 0]]), block[:, tf.newaxis], batch_dims=1)
    within = tf.cumsum(tf.gather(probabilities, block, batch_dims=1), axis=-1)
    word = block * BLOCK + tf.reduce_sum(tf.cast(within <= level, tf.int32), -1)
    return tf.reshape(tf.minimum(word, size - 1), shape)


def replace_words(tokens, logits, sampled, quantile):
    """Replaces words by words drawn from the predictions for their positions.

    Args:
        tokens: int `[..., words]`, what the decoder saw in the first pass, `<START>` or a style first.
        logits: float32 `[..., words, vocabulary_size]`, its predictions of the words after them.
        sampled: bool `[..., words]`, which tokens to replace; never the first.
        quantile: float32 `[..., words]`, see `sample_words`.

    Returns:
        int `[..., words]`.
    """
    drawn = sample_words(logits, quantile)
    before = tf.concat([tokens[..., :1], tf.cast(drawn[..., :-1], tokens.dtype)], axis=-1)
    return tf.where(sampled, before, tokens)
