"""The contract of encoders: features in, the steps that a decoder attends to out."""

import tensorflow as tf


class Encoder(tf.keras.layers.Layer):
    """Base class of encoders.

    A subclass implements `output_width`, `step_stride`, `output_length` and `call`, sets an attribute for each
    constructor argument and returns these arguments from `get_config()`. It overrides `infer` if inference has a faster
    form than `call`.

    Padding must not change any result: the valid steps of a clip are the same whether the clip is encoded alone or
    padded in a batch, whatever the padding holds. Random numbers come from `CheckpointedDropout` or another source
    whose state checkpoints hold; otherwise a resumed training run would differ from an uninterrupted one.

    `check_encoder` in `tests/contracts/encoder.py` tests all of this for any encoder.

    Attributes:
        output_width: int, width of an encoder step, known before the layer is built.
        step_stride: int, the number of input steps that one encoder step stands for.

    Call arguments:
        inputs: float `[batch, time, features]`, padded on the right.
        length: int `[batch]`, valid steps of each clip; None if all are valid.
        training: bool.

    Returns:
        `encoded` `[batch, steps, output_width]` in the compute dtype, zero beyond its length, and `length` int32
        `[batch]`. `steps` is `output_length(time)`, and `length` is `output_length` of the input length.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models import Encoder
        >>> @tf.keras.utils.register_keras_serializable("example")
        ... class Projection(Encoder):
        ...     step_stride = 1
        ...     def __init__(self, units=256, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.units = units
        ...         self._dense = tf.keras.layers.Dense(units, dtype=self.dtype_policy)
        ...     @property
        ...     def output_width(self):
        ...         return self.units
        ...     def output_length(self, length):
        ...         return length
        ...     def call(self, inputs, length=None, training=None):
        ...         length = self.valid_length(inputs, length)
        ...         return self.zero_padding(self._dense(inputs), length), length
        ...     def get_config(self):
        ...         return {**super().get_config(), "units": self.units}
        >>> encoded, length = Projection(units=4)(tf.zeros([2, 9, 64]), tf.constant([9, 5]))
        >>> encoded.shape, length.numpy()
        (TensorShape([2, 9, 4]), array([9, 5], dtype=int32))
    """

    @property
    def output_width(self):
        raise NotImplementedError(f"{type(self).__name__} must define `output_width`")

    @property
    def step_stride(self):
        raise NotImplementedError(f"{type(self).__name__} must define `step_stride`")

    def output_length(self, length):
        """Number of encoder steps, at least 1.

        Args:
            length: int or int tensor, number of input steps, at least 1.

        Returns:
            int or int tensor, like `length`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `output_length`")

    def call(self, inputs, length=None, training=None):
        raise NotImplementedError(f"{type(self).__name__} must define `call`")

    def infer(self, inputs, length):
        """Encodes without training: the result of `self(inputs, length, training=False)`, possibly computed faster.

        Args:
            inputs: as for a call.
            length: int `[batch]`, valid steps of each clip.

        Returns:
            As for a call.
        """
        return self(inputs, length, training=False)

    def training_floats(self, batch, length):
        """Estimates how many numbers a training step holds in memory at once, for the forecast before training.

        The default is a rough guess for layers whose memory grows with the output. Override it if it is far off.

        Args:
            batch: int, number of clips.
            length: int, number of input steps of the longest.

        Returns:
            int.
        """
        return 20 * batch * self.output_length(length) * self.output_width

    @staticmethod
    def valid_length(inputs, length=None):
        """`length` as int32 `[batch]`; the number of steps of `inputs` for each clip if it is None."""
        if length is None:
            return tf.fill([tf.shape(inputs)[0]], tf.shape(inputs)[1])
        return tf.cast(length, tf.int32)

    @staticmethod
    def zero_padding(steps, length):
        """`steps` `[batch, steps, width]` with zeros beyond the `length` int32 `[batch]` of each clip."""
        return tf.where(tf.sequence_mask(length, tf.shape(steps)[1])[..., tf.newaxis], steps, 0)
