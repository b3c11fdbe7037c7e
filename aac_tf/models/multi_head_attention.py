"""Scaled dot-product attention with several heads."""

import tensorflow as tf

from aac_tf.models.dense import Dense, leading_sizes
from aac_tf.models.dropout import CheckpointedDropout


@tf.keras.utils.register_keras_serializable("aac_tf")
class MultiHeadAttention(tf.keras.layers.Layer):
    """Scaled dot-product attention with several heads, whose keys and values are computed apart from the queries.

    Thus a search computes those of the encoder steps once for all words, and appends those of each word to a cache.
    The softmax is computed in float32 whatever the precision policy.

    Args:
        units: int, width of the output. A head is `units // heads` wide, but at least 1.
        heads: int.
        dropout: float, dropout rate of the attention weights.

    Call arguments:
        queries: float `[batch, queries, width]`.
        keys: as from `project`, `[batch, heads, steps, head width]`.
        values: as from `project`, like `keys`.
        visible: bool, broadcastable to `[batch, heads, queries, steps]`: which steps a query may attend to, at least
            one; None if all.
        training: bool, whether to apply dropout.
        packing: `Packing` of the queries, which are then `[1, positions, width]`, and so is `context`; None if they
            have their padding.

    Returns:
        `context` `[batch, queries, units]` and `weights` float32 `[batch, heads, queries, steps]`, without dropout and
        zero where not visible.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models.multi_head_attention import MultiHeadAttention
        >>> attention = MultiHeadAttention(units=8, heads=2)
        >>> keys, values = attention.project(tf.ones([1, 5, 3]))
        >>> context, weights = attention(tf.ones([1, 4, 6]), keys, values, tf.range(5) < 3)
        >>> context.shape, weights.shape
        (TensorShape([1, 4, 8]), TensorShape([1, 2, 4, 5]))

    Reference:
        A. Vaswani et al., Attention Is All You Need, NeurIPS 2017.
    """

    def __init__(self, units=256, heads=4, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.heads = heads
        self.dropout = dropout
        self._size = max(1, units // heads)
        policy, width = self.dtype_policy, heads * self._size
        self._query = Dense(width, name="query", dtype=policy)
        self._key = Dense(width, name="key", dtype=policy)
        self._value = Dense(width, name="value", dtype=policy)
        self._output = Dense(units, name="output", dtype=policy)
        self._dropout = CheckpointedDropout(dropout, dtype=policy)

    def project(self, inputs, packing=None):
        """Computes the keys and values of steps.

        Args:
            inputs: float `[batch, steps, width]`, or `[1, positions, width]` with `packing`.
            packing: `Packing` of the inputs; None if they have their padding.

        Returns:
            Keys and values `[batch, heads, steps, head width]` in the compute dtype.
        """
        keys, values = self._key(inputs), self._value(inputs)
        if packing is not None:
            keys, values = (packing.unpack(tf.squeeze(part, 0)) for part in (keys, values))
        return self._split(keys), self._split(values)

    def call(self, queries, keys, values, visible, training=None, packing=None):
        queries, width = self._query(queries), self.heads * self._size
        if packing is not None:
            # Only attention itself has padding.
            queries = tf.reshape(packing.unpack(tf.squeeze(queries, 0)), [tf.shape(keys)[0], -1, width])
        queries = self._split(queries) * self._size**-0.5
        scores = tf.cast(tf.matmul(queries, keys, transpose_b=True), tf.float32)
        weights = tf.nn.softmax(scores if visible is None else tf.where(visible, scores, scores.dtype.min))
        kept = self._dropout(tf.cast(weights, values.dtype), training=training)
        context = tf.transpose(tf.matmul(kept, values), [0, 2, 1, 3])
        if packing is None:
            merged = tf.reshape(context, [*leading_sizes(context)[:2], width])
        else:
            merged = tf.expand_dims(packing.pack(tf.reshape(context, [packing.captions, -1, width])), axis=0)
        return self._output(merged), weights

    def _split(self, projected):
        """`[batch, steps, heads * head width]` as `[batch, heads, steps, head width]`."""
        shape = [*leading_sizes(projected), self.heads, self._size]
        return tf.transpose(tf.reshape(projected, shape), [0, 2, 1, 3])

    def get_config(self):
        return {**super().get_config(), "units": self.units, "heads": self.heads, "dropout": self.dropout}
