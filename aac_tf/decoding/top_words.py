"""The best words of each hypothesis, from a large vocabulary."""

import tensorflow as tf

_BLOCK = 32
# Below, one `top_k` is faster.
_SMALL = 2048


def top_words(values, k):
    """`tf.math.top_k` over a large vocabulary, two to three times as fast on a CPU.

    No word of the `k` best is outside of the `k` blocks of neighbouring words with the highest maxima.

    Args:
        values: float32 `[batch, size, vocabulary]`.
        k: int or int tensor, at most the size of the vocabulary.

    Returns:
        (values, ids), float32 and int32 `[batch, size, k]`, best first; of equal values, the lowest id first.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding.top_words import top_words
        >>> values, words = top_words(tf.cast(tf.range(5000)[tf.newaxis, tf.newaxis] % 40, tf.float32), 3)
        >>> values.numpy().tolist(), words.numpy().tolist()
        ([[[39.0, 39.0, 39.0]]], [[[39, 79, 119]]])
    """
    size, vocabulary = values.shape[1:]
    if vocabulary is None or size is None or vocabulary < _SMALL or not isinstance(k, int):
        return tf.math.top_k(values, k)
    blocks = -(-vocabulary // _BLOCK)
    if k > blocks:
        return tf.math.top_k(values, k)
    padding = [[0, 0], [0, 0], [0, blocks * _BLOCK - vocabulary]]
    batch = tf.shape(values)[0]
    grouped = tf.reshape(tf.pad(values, padding, constant_values=float("-inf")), [batch, size, blocks, _BLOCK])
    _, best = tf.math.top_k(tf.reduce_max(grouped, axis=-1), k)
    best = -tf.math.top_k(-best, k).values  # in ascending order, so that of equal values the lowest id comes first
    few = tf.reshape(tf.gather(grouped, best, batch_dims=2), [batch, size, k * _BLOCK])
    found, places = tf.math.top_k(few, k)
    return found, tf.gather(best, places // _BLOCK, batch_dims=2) * _BLOCK + places % _BLOCK
