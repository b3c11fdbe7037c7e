"""One layer of a transformer decoder."""

import tensorflow as tf

from aac_tf.models.dense import Dense, leading_sizes
from aac_tf.models.dropout import CheckpointedDropout
from aac_tf.models.multi_head_attention import MultiHeadAttention


@tf.keras.utils.register_keras_serializable("aac_tf")
class TransformerBlock(tf.keras.layers.Layer):
    """Self-attention to the words, cross-attention to the encoder steps and a feed-forward network with a GELU.

    Args:
        units: int, width of a word.
        heads: int, attention heads.
        feedforward: int, width of the hidden layer of the feed-forward network.
        pre_norm: bool, whether to normalize the input of each sub-layer instead of its output plus the residual.
        dropout: float, dropout rate of the attention weights, of the hidden layer and of each sub-layer's output.

    Call arguments:
        words: float `[batch * k, words, units]`.
        memory: keys and values of the encoder steps, as from `cross_attention.project`, `[batch, heads, steps, ...]`.
        valid: bool `[batch, steps]`, True for valid encoder steps.
        visible: bool, broadcastable to `[batch * k, heads, words, words]`: which words a word may attend to; None for
            all.
        cache: keys and values of earlier words, `[batch * k, heads, size, ...]`; None without them.
        here: bool `[batch * k, 1, size, 1]`, the place in the cache of the only word of `words`; None appends it.
        training: bool, whether to apply dropout.
        packing: `Packing` of the words, which are then `[1, positions, units]`, without their padding; None with it.

    Returns:
        New `words`; their keys and values, with those of the cache; the weights of the cross-attention, float32
        `[batch, heads, k * words, steps]`.
    """

    def __init__(self, units=256, heads=4, feedforward=2048, pre_norm=True, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.heads = heads
        self.feedforward = feedforward
        self.pre_norm = pre_norm
        self.dropout = dropout
        policy = self.dtype_policy
        self.self_attention = MultiHeadAttention(units, heads, dropout, name="self_attention", dtype=policy)
        self.cross_attention = MultiHeadAttention(units, heads, dropout, name="cross_attention", dtype=policy)
        self._hidden = Dense(feedforward, tf.nn.gelu, name="hidden", dtype=policy)
        self._output = Dense(units, name="output", dtype=policy)
        self._norms = [layer_normalization(name=f"norm_{index + 1}", dtype=policy) for index in range(3)]
        self._dropout = CheckpointedDropout(dropout, dtype=policy)

    def call(self, words, memory, valid, visible, cache=None, here=None, training=None, packing=None):
        inputs = self._before(0, words)
        keys, values = self.self_attention.project(inputs, packing)
        if cache is not None:
            keys, values = (_cached(*parts, here) for parts in zip((keys, values), cache))
        context, _ = self.self_attention(inputs, keys, values, visible, training=training, packing=packing)
        words = self._after(0, words, context, training)
        # The words of all rows of a clip are queries of one batched product, which needs no copies of the clip's steps.
        queries, steps = self._before(1, words), valid[:, tf.newaxis, tf.newaxis]
        if packing is None:
            queries = tf.reshape(queries, [tf.shape(valid)[0], -1, self.units])
        context, weights = self.cross_attention(queries, *memory, steps, training=training, packing=packing)
        words = self._after(1, words, tf.reshape(context, [*leading_sizes(words), self.units]), training)
        hidden = self._dropout(self._hidden(self._before(2, words)), training=training)
        return self._after(2, words, self._output(hidden), training), (keys, values), weights

    def _before(self, index, words):
        return self._norms[index](words) if self.pre_norm else words

    def _after(self, index, words, output, training):
        words += self._dropout(output, training=training)
        return words if self.pre_norm else self._norms[index](words)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "heads": self.heads,
            "feedforward": self.feedforward,
            "pre_norm": self.pre_norm,
            "dropout": self.dropout,
        }


def _cached(new, cache, here):
    return tf.concat([cache, new], axis=2) if here is None else tf.where(here, new, cache)


def layer_normalization(**kwargs):
    """Keras `LayerNormalization` with an epsilon for which it does not use the fused operation of batch normalization.

    LiteRT does not have that operation.
    """
    return tf.keras.layers.LayerNormalization(epsilon=1e-5, **kwargs)
