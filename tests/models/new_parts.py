"""An encoder and a decoder as a user of the package would add them: each one class that derives from its contract."""

import tensorflow as tf

from aac_tf.models import Decoder, Encoder


@tf.keras.utils.register_keras_serializable("tests")
class StridedConv1D(Encoder):
    """One causal convolution with a stride.

    Args:
        units: int, number of filters.
        stride: int.
    """

    def __init__(self, units=8, stride=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.stride = stride
        self._convolution = tf.keras.layers.Conv1D(
            units, 5, strides=stride, padding="causal", activation="relu", dtype=self.dtype_policy
        )

    @property
    def output_width(self):
        return self.units

    @property
    def step_stride(self):
        return self.stride

    def output_length(self, length):
        return (length + self.stride - 1) // self.stride

    def call(self, inputs, length=None, training=None):
        length = self.output_length(self.valid_length(inputs, length))
        return self.zero_padding(self._convolution(inputs), length), length

    def get_config(self):
        return {**super().get_config(), "units": self.units, "stride": self.stride}


@tf.keras.utils.register_keras_serializable("tests")
class SelfAttentionDecoder(Decoder):
    """Transformer decoder of one layer with one head that caches the keys and values of previous words.

    Args:
        vocabulary_size: int.
        units: int, width of everything.
    """

    def __init__(self, vocabulary_size, units=8, **kwargs):
        super().__init__(vocabulary_size, **kwargs)
        self.units = units
        self._embedding = tf.keras.layers.Embedding(vocabulary_size, units, dtype="float32")
        dense = [tf.keras.layers.Dense(units, dtype="float32") for _ in range(6)]
        self._query, self._key, self._value, self._memory_query, self._memory_key, self._memory_value = dense
        self._classifier = tf.keras.layers.Dense(vocabulary_size, dtype="float32")

    def prepare_memory(self, encoded, length):
        encoded = tf.cast(encoded, tf.float32)
        valid = tf.sequence_mask(length, tf.shape(encoded)[1])[:, tf.newaxis]
        return self._memory_key(encoded), self._memory_value(encoded), valid

    def initial_state(self, memory, max_words):
        batch = tf.shape(memory[0])[0]
        cache = tf.zeros([batch, max_words + 1, self.units])
        return cache, cache, tf.zeros([batch], tf.int32)

    def step(self, tokens, state, memory):
        keys, values, position = state
        word, size = self._embedding(tokens)[:, tf.newaxis], tf.shape(keys)[1]
        here = tf.one_hot(position, size)[..., tf.newaxis]
        keys, values = keys + here * self._key(word), values + here * self._value(word)
        visible = tf.range(size) <= position[:, tf.newaxis]
        logits, _ = self._predict(word, keys, values, visible[:, tf.newaxis], memory)
        return logits[:, 0], (keys, values, position + 1)

    def embed(self, tokens):
        return self._embedding(tokens)

    def call(self, tokens, encoded, length, training=None):
        return self._all_words(tokens, encoded, length)[0]

    def attention(self, tokens, encoded, length):
        return self._all_words(tokens, encoded, length)[1]

    def _all_words(self, tokens, encoded, length):
        words = self.embedded(tokens)
        position = tf.range(tf.shape(tokens)[1])
        visible = position <= position[:, tf.newaxis]
        memory = self.prepare_memory(encoded, length)
        return self._predict(words, self._key(words), self._value(words), visible, memory)

    def _predict(self, words, keys, values, visible, memory):
        """Logits and attention to the memory, `[rows, words, ...]`, of words that see other words and the memory."""
        context, _ = dot_product_attention(self._query(words), keys, values, visible)
        words += context
        # All words of a clip's rows are queries of the clip.
        shape, clips = tf.shape(words), tf.shape(memory[0])[0]
        queries = tf.reshape(self._memory_query(words), [clips, -1, self.units])
        context, weights = dot_product_attention(queries, *memory)
        logits = self._classifier(words + tf.reshape(context, shape))
        return logits, tf.reshape(weights, [shape[0], shape[1], tf.shape(weights)[2]])

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def dot_product_attention(queries, keys, values, visible):
    """Context `[batch, queries, width]` and weights `[batch, queries, keys]`."""
    scores = tf.where(visible, tf.matmul(queries, keys, transpose_b=True), tf.float32.min)
    weights = tf.nn.softmax(scores)
    return tf.matmul(weights, values), weights
