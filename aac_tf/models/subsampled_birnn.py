"""Stacked bidirectional recurrent encoder with temporal sub-sampling."""

import tensorflow as tf

from aac_tf.models.cudnn import CuDNNGRU, CuDNNLSTM
from aac_tf.models.dropout import CheckpointedDropout
from aac_tf.models.encoder import Encoder
from aac_tf.models.recurrent_loop import recurrent_loop
from aac_tf.models.recurrent_training import PART_STEPS, pad_to_parts, training_loop

CELLS = {"lstm": CuDNNLSTM, "gru": CuDNNGRU}


@tf.keras.utils.register_keras_serializable("aac_tf")
class SubsampledBiRNN(Encoder):
    """Stacked bidirectional RNNs that keep every M-th step between layers, with residual connections.

    Of the T output steps of a layer, the steps 0, M, 2M, ... are kept: floor(T / M) of them, but at least one. From the
    second layer on, a layer's input is added to its output. With `subsampling=1` and `residual=False` this is a plain
    stack of bidirectional RNNs.

    Args:
        units: int, units of one direction; an encoder step is `2 * units` wide.
        layers: int, number of stacked layers.
        cell: `"gru"` or `"lstm"`.
        subsampling: int, M.
        residual: bool, whether the second and later layers add their input to their output.
        dropout: float, dropout rate of each layer's output.

    Call arguments:
        inputs: float `[batch, time, features]`, padded on the right.
        length: int `[batch]`, valid steps of each clip; None if all are valid.
        training: bool, whether to apply dropout.

    Returns:
        `encoded` `[batch, steps, 2 * units]`, zero beyond its length, and `length` int32 `[batch]`. Padding does not
        change the valid steps of a clip.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models import SubsampledBiRNN
        >>> encoder = SubsampledBiRNN(units=256, layers=3, cell="gru", subsampling=4)
        >>> encoded, length = encoder(tf.zeros([2, 48, 64]), tf.constant([48, 20]))
        >>> encoded.shape, length.numpy()
        (TensorShape([2, 3, 512]), array([3, 1], dtype=int32))
        >>> encoder.output_length(1292), encoder.step_stride
        (80, 16)

    Reference:
        K. Nguyen, K. Drossos, T. Virtanen, Temporal Sub-sampling of Audio Feature Sequences for Automated Audio
        Captioning, DCASE 2020.
    """

    def __init__(self, units=256, layers=3, cell="gru", subsampling=1, residual=True, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {sorted(CELLS)}, got {cell!r}")
        if layers < 1 or subsampling < 1:
            raise ValueError(f"layers and subsampling must be at least 1, got {layers} and {subsampling}")
        self.units = units
        self.layers = layers
        self.cell = cell
        self.subsampling = subsampling
        self.residual = residual
        self.dropout = dropout
        self._recurrent = [
            tf.keras.layers.Bidirectional(
                CELLS[cell](units, return_sequences=True, name=cell, dtype=self.dtype_policy),
                name=f"layer_{index + 1}",
                dtype=self.dtype_policy,
            )
            for index in range(layers)
        ]
        self._dropout = [CheckpointedDropout(dropout, dtype=self.dtype_policy) for _ in range(layers)]

    @property
    def output_width(self):
        return 2 * self.units

    @property
    def step_stride(self):
        return self.subsampling ** (self.layers - 1)

    @property
    def bidirectional(self):
        """The Keras `Bidirectional` layers, first to last."""
        return list(self._recurrent)

    def output_length(self, length):
        for _ in range(self.layers - 1):
            length = subsampled_length(length, self.subsampling)
        return length

    def training_floats(self, batch, length):
        # Measured: these numbers for each step and unit, and 16 for those of a part, whose gates are computed together.
        steps, part, kept = 0, min(batch * length, PART_STEPS), {"lstm": 6, "gru": 5}[self.cell]
        for index in range(self.layers):
            length = subsampled_length(length, self.subsampling) if index else length
            steps += length
        return (kept * batch * steps + 16 * part) * 2 * self.units

    def build(self, input_shape):
        width = tf.TensorShape(input_shape)[-1]
        for recurrent in self._recurrent:
            with tf.name_scope(recurrent.name):
                recurrent.build(tf.TensorShape([None, None, width]))
            width = self.output_width
        super().build(input_shape)

    def call(self, inputs, length=None, training=None):
        hidden, length = tf.cast(inputs, self.compute_dtype), self.valid_length(inputs, length)
        for index, (recurrent, dropout) in enumerate(zip(self._recurrent, self._dropout)):
            if index and self.subsampling > 1:
                kept = subsampled_length(tf.shape(hidden)[1], self.subsampling)
                hidden = hidden[:, :: self.subsampling][:, :kept]
                length = subsampled_length(length, self.subsampling)
            output = dropout(self._states(recurrent, hidden, length, training), training=training)
            if self.residual and index:
                output = hidden + output
            # Keras repeats the last valid step in the padding, and the residual adds steps that sub-sampling cut off.
            hidden = self.zero_padding(output, length)
        return hidden, length

    def _states(self, recurrent, hidden, length, training):
        if _accelerated() or self.compute_dtype == "float16":
            return recurrent(hidden, mask=tf.sequence_mask(length, tf.shape(hidden)[1]), training=training)
        inputs = pad_to_parts(tf.transpose(hidden, [1, 0, 2]))
        states = [
            training_loop(layer.cell, inputs, length, backward, self.compute_dtype)
            for layer, backward in ((recurrent.forward_layer, False), (recurrent.backward_layer, True))
        ]
        states = tf.cast(tf.concat(states, axis=-1), self.compute_dtype)
        return tf.transpose(states[: tf.shape(hidden)[1]], [1, 0, 2])

    def infer(self, inputs, length):
        # These loops compute in float32 only.
        if _accelerated() or self.compute_dtype != "float32":
            return super().infer(inputs, length)
        if not self.built:
            self.build(inputs.shape)
        # Time first, the order in which loops write; the two directions stay separate to avoid a copy.
        hidden = [tf.transpose(tf.cast(inputs, tf.float32), [1, 0, 2])]
        length = self.valid_length(inputs, length)
        for index, layer in enumerate(self._recurrent):
            stride = self.subsampling if index + 1 < self.layers else 1
            steps, added = tf.shape(hidden[0])[0], self.residual and index
            directions = (layer.forward_layer, False), (layer.backward_layer, True)
            hidden = [
                recurrent_loop(one.cell, hidden, length, stride, backward, hidden[number] if added else None)
                for number, (one, backward) in enumerate(directions)
            ]
            if stride > 1:
                kept, length = subsampled_length(steps, stride), subsampled_length(length, stride)
                # The residual of a cut-off step is not zero.
                valid = (tf.range(kept)[:, tf.newaxis] < length)[..., tf.newaxis]
                hidden = [tf.where(valid, states[:kept], 0.0) for states in hidden]
        return tf.concat([tf.transpose(states, [1, 0, 2]) for states in hidden], axis=-1), length

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "layers": self.layers,
            "cell": self.cell,
            "subsampling": self.subsampling,
            "residual": self.residual,
            "dropout": self.dropout,
        }


def _accelerated():
    """Whether a GPU or TPU is there, which computes the Keras layers faster than loops."""
    return any(tf.config.list_logical_devices(kind) for kind in ("GPU", "TPU"))


def subsampled_length(length, subsampling):
    """Number of steps that sub-sampling keeps: `floor(length / subsampling)`, but at least 1.

    Args:
        length: int or int tensor.
        subsampling: int.

    Returns:
        int or int tensor, like `length`.
    """
    if isinstance(length, int):
        return max(1, length // subsampling)
    return tf.maximum(1, length // subsampling)
