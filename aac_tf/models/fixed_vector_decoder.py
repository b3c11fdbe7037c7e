"""GRU decoder that reads the encoder's last step."""

import tensorflow as tf

from aac_tf.models.cudnn import CuDNNGRU
from aac_tf.models.decoder import Decoder
from aac_tf.models.dense import Dense
from aac_tf.models.dropout import CheckpointedDropout


@tf.keras.utils.register_keras_serializable("aac_tf")
class FixedVectorDecoder(Decoder):
    """GRU decoder whose input is the encoder's last valid step at every word, and no previous word.

    See `Decoder` for the call arguments and the step-by-step interface. The values of `tokens` do not matter, only how
    many there are.

    Args:
        vocabulary_size: int.
        units: int, units of the GRU.
        dropout: float, dropout rate of the hidden state before the word classifier.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models import FixedVectorDecoder
        >>> decoder = FixedVectorDecoder(vocabulary_size=4367)
        >>> decoder(tf.constant([[1, 5, 6]]), tf.zeros([1, 80, 512]), tf.constant([80])).shape
        TensorShape([1, 3, 4367])

    Reference:
        The decoder of the DCASE 2020 captioning baseline and of K. Nguyen, K. Drossos, T. Virtanen, Temporal
        Sub-sampling of Audio Feature Sequences for Automated Audio Captioning, DCASE 2020.
    """

    uses_tokens = False

    def __init__(self, vocabulary_size, units=256, dropout=0.0, **kwargs):
        super().__init__(vocabulary_size, **kwargs)
        self.units = units
        self.dropout = dropout
        policy = self.dtype_policy
        self._recurrent = CuDNNGRU(units, return_sequences=True, name="recurrent", dtype=policy)
        self._dropout = CheckpointedDropout(dropout, dtype=policy)
        self._classifier = Dense(vocabulary_size, name="classifier", dtype="float32")

    def prepare_memory(self, encoded, length):
        """Returns the last valid step of each clip, `[batch, width]`."""
        return tf.gather(tf.cast(encoded, self.compute_dtype), tf.cast(length, tf.int32) - 1, axis=1, batch_dims=1)

    def initial_state(self, memory, max_words):
        """Returns the zero state of the GRU."""
        return tf.zeros([tf.shape(memory)[0], self.units], self.compute_dtype)

    def step(self, tokens, state, memory):
        hidden, state = self._recurrent.cell(_for_rows_of(tokens, memory), [state])
        return self._classifier(hidden), tf.nest.flatten(state)[0]

    def call(self, tokens, encoded, length, training=None):
        hidden = _for_rows_of(tokens, self._states(tf.shape(tokens)[1], encoded, length))
        return self._classifier(self._dropout(hidden, training=training))

    def packed(self, words, packing, encoded, length, training=None):
        states = self._states(tf.shape(packing.counts)[0], encoded, length)
        clip = packing.row // (packing.captions // tf.shape(encoded)[0])
        hidden = tf.gather_nd(states, tf.stack([clip, packing.step], axis=-1))
        return self._classifier(self._dropout(hidden, training=training))

    def attention(self, tokens, encoded, length):
        """Puts all weight on the last valid step, see `Decoder.attention`."""
        last = tf.one_hot(tf.cast(length, tf.int32) - 1, tf.shape(encoded)[1])
        return _for_rows_of(tokens, tf.repeat(last[:, tf.newaxis], tf.shape(tokens)[1], axis=1))

    def _states(self, words, encoded, length):
        """Hidden states `[batch, words, units]`, the same for all captions of a clip."""
        return self._recurrent(tf.repeat(self.prepare_memory(encoded, length)[:, tf.newaxis], words, axis=1))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "dropout": self.dropout}


def _for_rows_of(tokens, clips):
    """Repeats `clips` `[batch, ...]` for the rows of tokens `[batch * k, ...]`; the batch may be empty."""
    return tf.repeat(clips, tf.shape(tokens)[0] // tf.maximum(tf.shape(clips)[0], 1), axis=0)
