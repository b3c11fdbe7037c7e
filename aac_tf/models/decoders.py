"""Decoders: encoder steps in, logits of words out, all at once (training) or word by word (search).

Both decoders offer one interface, so that every search works with both:

    memory = decoder.prepare_memory(encoded, length)             what stays the same for all words of a caption
    state = decoder.initial_state(memory)
    logits, state = decoder.step(tokens, state, memory)    tokens [batch] -> logits float32 [batch, vocabulary]
    logits = decoder(tokens, encoded, length)              tokens [batch, words] -> logits [batch, words, vocabulary]

Whatever the precision of the recurrent layers, attention and logits are computed in float32.

`memory` and `state` are nests of tensors whose first axis is the batch. A clip may have several rows of state, one a
caption or hypothesis: `tokens` and `state` then have `batch * k` rows, a clip's together; `memory` keeps `batch`.
"""

import tensorflow as tf

from aac_tf.models.attention import TemporalAttention
from aac_tf.models.dropout import CheckpointedDropout
from aac_tf.models.recurrent import CudnnGRU


@tf.keras.utils.register_keras_serializable("aac_tf")
class AttentionCell(tf.keras.layers.Layer):
    """LSTM cell whose input is the word's embedding and the context that its previous hidden state attends to.

    A Keras RNN cell: `call(inputs [batch, embedding], states, constants=(encoded, keys, mask))`. Its output is the
    hidden state.

    Args:
        units: int, units of the LSTM.
        attention_units: int, width of the attention's hidden layer.
    """

    def __init__(self, units=256, attention_units=256, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.attention_units = attention_units
        self.lstm = tf.keras.layers.LSTMCell(units, dtype=self.dtype_policy)
        self.attention = TemporalAttention(attention_units, dtype="float32")

    @property
    def state_size(self):
        return [self.units, self.units]

    @property
    def output_size(self):
        return self.units

    def call(self, inputs, states, constants, training=None):
        encoded, keys, mask = constants
        rows = tf.shape(states[0])[0]
        # The rows of a clip look at the same steps: as many queries of one batched product, with no copy of the steps.
        queries = tf.reshape(states[0], [tf.shape(encoded)[0], -1, self.units])
        context, _ = self.attention(queries, encoded, mask=mask, keys=keys)
        context = tf.cast(tf.reshape(context, [rows, encoded.shape[-1]]), inputs.dtype)
        return self.lstm(tf.concat([inputs, context], axis=-1), states, training=training)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "attention_units": self.attention_units}


@tf.keras.utils.register_keras_serializable("aac_tf")
class AttentionDecoder(tf.keras.layers.Layer):
    """LSTM decoder that looks at the encoder's steps through temporal attention before every word.

    Args:
        vocabulary_size: int.
        units: int, units of the LSTM.
        embedding: int, width of a word's embedding.
        attention_units: int, width of the attention's hidden layer.
        dropout: float, dropout of the hidden state before the word classifier.

    Call arguments:
        tokens: int `[batch, words]`, the words before those that are predicted, `<START>` first; or
            `[batch * k, words]`, k captions of each clip, those of a clip together.
        encoded: float `[batch, steps, width]`.
        length: int `[batch]`, valid steps.
        training: bool.

    Returns:
        Logits float32 of the shape of `tokens` and, last, `vocabulary_size`.
    """

    def __init__(self, vocabulary_size, units=256, embedding=256, attention_units=256, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.embedding = embedding
        self.attention_units = attention_units
        self.dropout = dropout
        policy = self.dtype_policy
        self._embedding = tf.keras.layers.Embedding(vocabulary_size, embedding, name="embedding", dtype=policy)
        self._cell = AttentionCell(units, attention_units, name="cell", dtype=policy)
        self._recurrent = tf.keras.layers.RNN(self._cell, return_sequences=True, name="recurrent", dtype=policy)
        self._dropout = CheckpointedDropout(dropout, dtype=policy)
        self._classifier = tf.keras.layers.Dense(vocabulary_size, name="classifier", dtype="float32")

    def prepare_memory(self, encoded, length):
        """What `step` needs of a clip: encoder steps, their projection, and which of them are valid."""
        encoded = tf.cast(encoded, tf.float32)
        return encoded, self._cell.attention.project(encoded), tf.sequence_mask(length, tf.shape(encoded)[1])

    def initial_state(self, memory):
        """Zero states, one row a clip."""
        zeros = tf.zeros([tf.shape(memory[0])[0], self.units], self.compute_dtype)
        return zeros, zeros

    def step(self, tokens, state, memory):
        """Logits float32 `[batch, vocabulary_size]` of the words after `tokens` int `[batch]`, and the new state."""
        hidden, state = self._cell(self._embedding(tokens), list(state), constants=memory)
        return self._classifier(hidden), tuple(state)

    def call(self, tokens, encoded, length, training=None):
        hidden = self._hidden(tokens, self.prepare_memory(encoded, length), training)
        return self._classifier(self._dropout(hidden, training=training))

    def attention(self, tokens, encoded, length):
        """Weights A, float32 `[batch, words, steps]`, with which each word after `tokens` was predicted."""
        memory = self.prepare_memory(encoded, length)
        hidden = self._hidden(tokens, memory)
        # A word is predicted from the hidden state before it.
        before = tf.pad(hidden[:, :-1], [[0, 0], [1, 0], [0, 0]])
        rows, words = tf.shape(tokens)[0], tf.shape(tokens)[1]
        queries = tf.reshape(tf.transpose(before, [1, 0, 2]), [words, tf.shape(encoded)[0], -1, self.units])
        # Word by word: the inner layer of the attention of all words to ten minutes would take gigabytes.
        weights = tf.map_fn(
            lambda query: self._cell.attention(query, memory[0], mask=memory[2], keys=memory[1])[1],
            queries,
            fn_output_signature=tf.TensorSpec([None, None, None], tf.float32),
            parallel_iterations=1,
        )
        return tf.transpose(tf.reshape(weights, [words, rows, tf.shape(encoded)[1]]), [1, 0, 2])

    def _hidden(self, tokens, memory, training=None):
        return self._recurrent(self._embedding(tokens), constants=list(memory), training=training)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "units": self.units,
            "embedding": self.embedding,
            "attention_units": self.attention_units,
            "dropout": self.dropout,
        }


@tf.keras.utils.register_keras_serializable("aac_tf")
class FixedVectorDecoder(tf.keras.layers.Layer):
    """GRU decoder that is fed the encoder's last valid step at every word, and no previous word.

    The decoder of Nguyen, Drossos, Virtanen (DCASE 2020) and of the DCASE 2020 captioning baseline. Arguments and
    returns are those of `AttentionDecoder`, as far as it has them; the values of `tokens` do not matter, their
    number does.

    Args:
        vocabulary_size: int.
        units: int, units of the GRU.
        dropout: float, dropout of the hidden state before the word classifier.
    """

    def __init__(self, vocabulary_size, units=256, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.dropout = dropout
        policy = self.dtype_policy
        self._recurrent = CudnnGRU(units, return_sequences=True, name="recurrent", dtype=policy)
        self._dropout = CheckpointedDropout(dropout, dtype=policy)
        self._classifier = tf.keras.layers.Dense(vocabulary_size, name="classifier", dtype="float32")

    def prepare_memory(self, encoded, length):
        """The last valid step of each row, `[batch, width]`."""
        return tf.gather(tf.cast(encoded, self.compute_dtype), tf.cast(length, tf.int32) - 1, axis=1, batch_dims=1)

    def initial_state(self, memory):
        """Zero states, one row a clip."""
        return tf.zeros([tf.shape(memory)[0], self.units], self.compute_dtype)

    def step(self, tokens, state, memory):
        """Logits float32 `[batch, vocabulary_size]` of the next words, and the new state."""
        memory = tf.repeat(memory, tf.shape(tokens)[0] // tf.shape(memory)[0], axis=0)
        hidden, state = self._recurrent.cell(memory, [state])
        return self._classifier(hidden), tf.nest.flatten(state)[0]

    def call(self, tokens, encoded, length, training=None):
        rows, words = tf.shape(tokens)[0], tf.shape(tokens)[1]
        hidden = self._recurrent(tf.repeat(self.prepare_memory(encoded, length)[:, tf.newaxis], words, axis=1))
        hidden = tf.repeat(hidden, rows // tf.shape(encoded)[0], axis=0)
        return self._classifier(self._dropout(hidden, training=training))

    def attention(self, tokens, encoded, length):
        """All weight on the last valid step, float32 `[batch, words, steps]`."""
        last = tf.one_hot(tf.cast(length, tf.int32) - 1, tf.shape(encoded)[1])
        weights = tf.repeat(last[:, tf.newaxis], tf.shape(tokens)[1], axis=1)
        return tf.repeat(weights, tf.shape(tokens)[0] // tf.shape(encoded)[0], axis=0)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "units": self.units,
            "dropout": self.dropout,
        }
