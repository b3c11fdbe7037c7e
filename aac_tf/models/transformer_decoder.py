"""Transformer decoder."""

import tensorflow as tf

from aac_tf.models.decoder import Decoder
from aac_tf.models.dense import Dense
from aac_tf.models.dropout import CheckpointedDropout
from aac_tf.models.positions import sinusoids
from aac_tf.models.transformer_block import TransformerBlock, layer_normalization


@tf.keras.utils.register_keras_serializable("aac_tf")
class TransformerDecoder(Decoder):
    """Transformer decoder that caches the keys and values of the encoder steps and of earlier words.

    See `Decoder` for the call arguments and the step-by-step interface. Word embeddings are scaled by the square root
    of their width; positions are sinusoids, so captions may have any length.

    Args:
        vocabulary_size: int.
        layers: int, number of layers.
        units: int, width of a word.
        heads: int, attention heads of each layer.
        feedforward: int, width of the hidden layer of the feed-forward networks.
        pre_norm: bool, whether to normalize the input of each sub-layer and the last output, instead of the output of
            each sub-layer plus the residual as in the original transformer.
        dropout: float, dropout rate of the embeddings, the attention weights, the hidden layers and the outputs of the
            sub-layers.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models import TransformerDecoder
        >>> decoder = TransformerDecoder(vocabulary_size=4367, layers=2)
        >>> decoder(tf.constant([[1, 5, 6]]), tf.zeros([1, 80, 512]), tf.constant([80])).shape
        TensorShape([1, 3, 4367])

    Reference:
        A. Vaswani et al., Attention Is All You Need, NeurIPS 2017. The form of E. Labbé, T. Pellegrini, J. Pinquier,
        CoNeTTE: An Efficient Audio Captioning System Leveraging Multiple Datasets with Task Embedding, 2023, and of the
        DCASE 2024 captioning baseline is `heads=8, pre_norm=False, dropout=0.2`. R. Xiong et al., On Layer
        Normalization in the Transformer Architecture, ICML 2020, for `pre_norm`.
    """

    def __init__(
        self, vocabulary_size, layers=6, units=256, heads=4, feedforward=2048, pre_norm=True, dropout=0.0, **kwargs
    ):
        super().__init__(vocabulary_size, **kwargs)
        self.layers = layers
        self.units = units
        self.heads = heads
        self.feedforward = feedforward
        self.pre_norm = pre_norm
        self.dropout = dropout
        policy = self.dtype_policy
        self._embedding = tf.keras.layers.Embedding(vocabulary_size, units, name="embedding", dtype=policy)
        self._blocks = [
            TransformerBlock(units, heads, feedforward, pre_norm, dropout, name=f"block_{index + 1}", dtype=policy)
            for index in range(layers)
        ]
        self._norm = layer_normalization(name="norm", dtype=policy) if pre_norm else None
        self._dropout = CheckpointedDropout(dropout, dtype=policy)
        self._classifier = Dense(vocabulary_size, name="classifier", dtype="float32")

    def prepare_memory(self, encoded, length):
        """Returns the mask of valid steps and the keys and values of the steps in each layer."""
        encoded = tf.cast(encoded, self.compute_dtype)
        valid = tf.sequence_mask(length, tf.shape(encoded)[1])
        return valid, tuple(block.cross_attention.project(encoded) for block in self._blocks)

    def initial_state(self, memory, max_words):
        """Returns the position 0 and an empty cache for the keys and values of words in each layer.

        Reading and moving caches is half of the time of a search, so they grow word by word. Where the size of the
        batch is known when a function is traced, as XLA and LiteRT need it, they have their last size from the start.
        """
        batch = memory[0].shape[0]
        rows, size = (tf.shape(memory[0])[0], 0) if batch is None else (batch, max_words + 1)

        def empty(part):
            cache = tf.zeros([rows, self.heads, size, part.shape[-1]], part.dtype)
            if batch is None:  # a loop refuses a state that outgrows its static shape
                cache = tf.compat.v1.placeholder_with_default(cache, [None, self.heads, None, part.shape[-1]])
            return cache

        caches = tuple(tuple(map(empty, projected)) for projected in memory[1])
        return tf.zeros([rows], tf.int32), caches

    def step(self, tokens, state, memory):
        (position, caches), here, visible = state, None, None
        size = caches[0][0].shape[2]
        if size == 0:
            raise ValueError("a state that was made in a graph for any batch must be used in the same graph")
        if size is not None:
            places, now = tf.range(size), position[:, tf.newaxis]
            here = tf.equal(places, now)[:, tf.newaxis, :, tf.newaxis]
            visible = (places <= now)[:, tf.newaxis, tf.newaxis]
        words = self._placed(tokens[:, tf.newaxis], position[:, tf.newaxis])
        words, caches, _ = self._run(words, memory, visible, caches, here)
        return self._classifier(words[:, 0]), (position + 1, caches)

    def embed(self, tokens):
        return self._embedding(tokens) * self.units**0.5

    def call(self, tokens, encoded, length, training=None):
        return self._all_words(tokens, encoded, length, training)[0]

    def packed(self, words, packing, encoded, length, training=None):
        # One row, as layers were built for three axes.
        words = tf.expand_dims(self._placed(words, packing.step, training), axis=0)
        memory, visible = self.prepare_memory(encoded, length), _earlier(packing.words)
        words, _, _ = self._run(words, memory, visible, training=training, packing=packing)
        return self._classifier(tf.squeeze(words, axis=0))

    def attention(self, tokens, encoded, length):
        """Returns the mean over the heads of the last layer's cross-attention, see `Decoder.attention`."""
        return self.explain(tokens, encoded, length)[1]

    def explain(self, tokens, encoded, length):
        """See `Decoder.explain`."""
        logits, weights = self._all_words(tokens, encoded, length)
        weights = tf.reshape(tf.reduce_mean(weights, axis=1), [*tf.unstack(tf.shape(tokens)), tf.shape(encoded)[1]])
        return logits, weights

    def training_floats(self, rows, words, steps):
        # Measured, see `docs/decisions/training.md`; as if two captions shared the keys and values of a clip's steps.
        word = 18 * self.units + 5 * self.feedforward + 3 * self.heads * (steps + words)
        floats = self.layers * rows * (words * word + steps * self.units)
        return super().training_floats(rows, words, steps) + floats

    def _all_words(self, tokens, encoded, length, training=None):
        positions = tf.range(tf.shape(tokens)[1])
        words = self._placed(tokens, positions, training)
        memory, visible = self.prepare_memory(encoded, length), _earlier(tf.shape(tokens)[1])
        words, _, weights = self._run(words, memory, visible, training=training)
        return self._classifier(words), weights

    def _placed(self, tokens, positions, training=None):
        words = self.embedded(tokens)
        words += tf.cast(sinusoids(positions, self.units), words.dtype)
        return self._dropout(words, training=training)

    def _run(self, words, memory, visible, caches=None, here=None, training=None, packing=None):
        """Runs all layers; returns the words, the keys and values, and the weights of the last cross-attention."""
        valid, projected = memory
        kept, weights = [], None
        for block, steps, cache in zip(self._blocks, projected, caches or [None] * self.layers):
            words, cache, weights = block(words, steps, valid, visible, cache, here, training=training, packing=packing)
            kept.append(cache)
        return (words if self._norm is None else self._norm(words)), tuple(kept), weights

    def get_config(self):
        return {
            **super().get_config(),
            "layers": self.layers,
            "units": self.units,
            "heads": self.heads,
            "feedforward": self.feedforward,
            "pre_norm": self.pre_norm,
            "dropout": self.dropout,
        }


def _earlier(words):
    """Which words each word may attend to: those before it and itself."""
    positions = tf.range(words)
    return positions <= positions[:, tf.newaxis]
