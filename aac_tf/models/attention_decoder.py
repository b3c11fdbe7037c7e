"""LSTM decoder with temporal attention."""

import tensorflow as tf

from aac_tf.models.attention import TemporalAttention
from aac_tf.models.attention_step import attention_step, context_gates
from aac_tf.models.attention_training import attention_loop
from aac_tf.models.blocks import in_blocks
from aac_tf.models.decoder import Decoder
from aac_tf.models.dense import Dense
from aac_tf.models.dropout import CheckpointedDropout


@tf.keras.utils.register_keras_serializable("aac_tf")
class AttentionCell(tf.keras.layers.Layer):
    """LSTM cell whose input is a word embedding and the context that its previous hidden state attends to.

    It is the cell of a `tf.keras.layers.RNN`, which passes `(encoded, keys, mask)` as `constants`. Its output is the
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
        # The rows of a clip are several queries of one batched product, which needs no copies of the clip's steps.
        queries = tf.reshape(states[0], [tf.shape(encoded)[0], -1, self.units])
        context, _ = self.attention(queries, encoded, mask=mask, keys=keys)
        context = tf.cast(tf.reshape(context, [rows, encoded.shape[-1]]), inputs.dtype)
        return self.lstm(tf.concat([inputs, context], axis=-1), states, training=training)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "attention_units": self.attention_units}


@tf.keras.utils.register_keras_serializable("aac_tf")
class AttentionDecoder(Decoder):
    """LSTM decoder that attends to the encoder's steps before each word.

    See `Decoder` for the call arguments and the step-by-step interface.

    Args:
        vocabulary_size: int.
        units: int, units of the LSTM.
        embedding: int, width of a word embedding.
        attention_units: int, width of the attention's hidden layer.
        dropout: float, dropout rate of the hidden state before the word classifier.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models import AttentionDecoder
        >>> decoder = AttentionDecoder(vocabulary_size=4367)
        >>> decoder(tf.constant([[1, 5, 6]]), tf.zeros([1, 80, 512]), tf.constant([80])).shape
        TensorShape([1, 3, 4367])
    """

    def __init__(self, vocabulary_size, units=256, embedding=256, attention_units=256, dropout=0.0, **kwargs):
        super().__init__(vocabulary_size, **kwargs)
        self.units = units
        self.embedding = embedding
        self.attention_units = attention_units
        self.dropout = dropout
        policy = self.dtype_policy
        self._embedding = tf.keras.layers.Embedding(vocabulary_size, embedding, name="embedding", dtype=policy)
        self._cell = AttentionCell(units, attention_units, name="cell", dtype=policy)
        self._recurrent = tf.keras.layers.RNN(self._cell, return_sequences=True, name="recurrent", dtype=policy)
        self._dropout = CheckpointedDropout(dropout, dtype=policy)
        self._classifier = Dense(vocabulary_size, name="classifier", dtype="float32")

    def prepare_memory(self, encoded, length):
        """Returns the encoder steps, their attention keys, the mask of valid steps and `context_gates`."""
        if not self._cell.lstm.built:
            self(tf.zeros([tf.shape(encoded)[0], 1], tf.int32), encoded, length)
        memory = self._constants(encoded, length)
        return (*memory, context_gates(self._cell.lstm, memory[0]))

    def initial_state(self, memory, max_words):
        """Returns the zero states of the LSTM."""
        zeros = tf.zeros([tf.shape(memory[0])[0], self.units], self.compute_dtype)
        return zeros, zeros

    def step(self, tokens, state, memory):
        inputs, (encoded, keys, mask, gates) = self._embedding(tokens), memory

        def few_steps():
            return attention_step(self._cell, inputs, state, keys, mask, gates)

        def many_steps():
            with in_blocks():
                return tuple(self._cell(inputs, list(state), constants=[encoded, keys, mask])[1])

        steps, projected = encoded.shape[1], gates.shape[1]
        if self.compute_dtype != "float32" or (steps is not None and projected == 0 < steps):
            state = many_steps()
        elif steps is not None and steps == projected:
            state = few_steps()
        else:
            state = tf.cond(tf.shape(gates)[1] == tf.shape(encoded)[1], few_steps, many_steps)
        return self._classifier(state[0]), state

    def embed(self, tokens):
        return self._embedding(tokens)

    def call(self, tokens, encoded, length, training=None):
        hidden = self._hidden(tokens, self._constants(encoded, length), training)
        return self._classifier(self._dropout(hidden, training=training))

    def packed(self, words, packing, encoded, length, training=None):
        (encoded, keys, mask), dtype = self._constants(encoded, length), self.compute_dtype
        lstm, attention = self._cell.lstm, self._cell.attention
        # Of all words together; the rest of the kernel is for the context.
        word_kernel, kernel = tf.split(tf.cast(lstm.kernel, tf.float32), [self.embedding, -1])
        gates = tf.matmul(tf.cast(self.embedded(words), dtype), tf.cast(word_kernel, dtype))
        hidden = attention_loop(
            tf.cast(gates, tf.float32) + tf.cast(lstm.bias, tf.float32),
            encoded,
            keys,
            mask,
            attention.query_kernel,
            attention.score_kernel,
            tf.concat([kernel, tf.cast(lstm.recurrent_kernel, tf.float32)], axis=0),
            packing,
            dtype,
        )
        return self._classifier(self._dropout(tf.cast(hidden, dtype), training=training))

    def attention(self, tokens, encoded, length):
        """Returns the weights A of the temporal attention, see `Decoder.attention`."""
        return self.explain(tokens, encoded, length)[1]

    def explain(self, tokens, encoded, length):
        """See `Decoder.explain`."""
        memory = self._constants(encoded, length)
        hidden = self._hidden(tokens, memory)
        # The query of a word is the hidden state before it.
        before = tf.pad(hidden[:, :-1], [[0, 0], [1, 0], [0, 0]])
        rows, words = tf.shape(tokens)[0], tf.shape(tokens)[1]
        queries = tf.reshape(tf.transpose(before, [1, 0, 2]), [words, tf.shape(encoded)[0], -1, self.units])

        def attend(query):
            with in_blocks():
                return self._cell.attention(query, memory[0], mask=memory[2], keys=memory[1])[1]

        # One word at a time: the attention's hidden layer for all words of a ten-minute clip would take gigabytes.
        weights = tf.map_fn(
            attend,
            queries,
            fn_output_signature=tf.TensorSpec([None, None, None], tf.float32),
            parallel_iterations=1,
        )
        weights = tf.transpose(tf.reshape(weights, [words, rows, tf.shape(encoded)[1]]), [1, 0, 2])
        return self._classifier(hidden), weights

    def training_floats(self, rows, words, steps):
        # Measured: each caption has a copy of its clip's steps and keys, and their gradients; each word its weights.
        attended = rows * steps * (8 * self.attention_units + 3 * words)
        return super().training_floats(rows, words, steps) + attended

    def _constants(self, encoded, length):
        """The constants of the cell: the encoder steps, their attention keys and the mask of valid steps."""
        encoded = tf.cast(encoded, tf.float32)
        return encoded, self._cell.attention.project(encoded), tf.sequence_mask(length, tf.shape(encoded)[1])

    def _hidden(self, tokens, memory, training=None):
        return self._recurrent(self.embedded(tokens), constants=list(memory), training=training)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "embedding": self.embedding,
            "attention_units": self.attention_units,
            "dropout": self.dropout,
        }
