"""Encoder of one linear layer."""

import tensorflow as tf

from aac_tf.models.dense import Dense
from aac_tf.models.dropout import CheckpointedDropout
from aac_tf.models.encoder import Encoder
from aac_tf.models.positions import sinusoids


@tf.keras.utils.register_keras_serializable("aac_tf")
class LinearEncoder(Encoder):
    """A linear layer with a ReLU between the embeddings of a frozen encoder and the decoder.

    Each step is encoded alone. Without `positions`, a decoder with attention cannot know which of two sounds came
    first, unless the frozen encoder's embeddings tell.

    Args:
        units: int, width of an encoder step.
        positions: bool, whether to add a sinusoidal position encoding.
        dropout: float, dropout rate of the input and of the output.

    Call arguments:
        inputs: float `[batch, time, features]`, padded on the right.
        length: int `[batch]`, valid steps of each clip; None if all are valid.
        training: bool, whether to apply dropout.

    Returns:
        `encoded` `[batch, time, units]`, zero beyond its length, and `length` int32 `[batch]`.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models import LinearEncoder
        >>> encoded, length = LinearEncoder(units=256, positions=True)(tf.zeros([2, 62, 1024]), tf.constant([62, 20]))
        >>> encoded.shape, length.numpy()
        (TensorShape([2, 62, 256]), array([62, 20], dtype=int32))

    Reference:
        The projection of E. Labbé, T. Pellegrini, J. Pinquier, CoNeTTE: An Efficient Audio Captioning System Leveraging
        Multiple Datasets with Task Embedding, 2023, and of the DCASE 2024 captioning baseline, with a dropout of 0.5.
    """

    step_stride = 1

    def __init__(self, units=256, positions=False, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.positions = positions
        self.dropout = dropout
        self._dense = Dense(units, "relu", name="projection", dtype=self.dtype_policy)
        self._dropout = CheckpointedDropout(dropout, dtype=self.dtype_policy)

    @property
    def output_width(self):
        return self.units

    def output_length(self, length):
        return length

    def build(self, input_shape):
        with tf.name_scope(self._dense.name):
            self._dense.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, length=None, training=None):
        length = self.valid_length(inputs, length)
        inputs = self._dropout(tf.cast(inputs, self.compute_dtype), training=training)
        encoded = self._dropout(self._dense(inputs), training=training)
        if self.positions:
            encoded += tf.cast(sinusoids(tf.range(tf.shape(encoded)[1]), self.units), encoded.dtype)
        return self.zero_padding(encoded, length), length

    def get_config(self):
        return {**super().get_config(), "units": self.units, "positions": self.positions, "dropout": self.dropout}
