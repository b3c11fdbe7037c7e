"""A linear layer on tensors of any rank."""

import tensorflow as tf


@tf.keras.utils.register_keras_serializable("aac_tf")
class Dense(tf.keras.layers.Dense):
    """`tf.keras.layers.Dense` that multiplies two matrices whatever the rank of its input.

    The Keras layer takes more than two axes with `tf.tensordot`, which XLA cannot differentiate inside a decoder's
    loop, and whose dozen operations on shapes take longer than a product with few rows. `EinsumDense` is not an
    alternative: with an ellipsis, oneDNN's kernel silently returns wrong numbers, in TensorFlow 2.17 for float32 and in
    2.21 for bfloat16.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models.dense import Dense
        >>> Dense(3)(tf.zeros([2, 5, 4])).shape
        TensorShape([2, 5, 3])
    """

    def call(self, inputs):
        """Returns float `[..., units]`."""
        if inputs.shape.rank == 2:
            return super().call(inputs)
        rows = super().call(tf.reshape(inputs, [-1, inputs.shape[-1]]))
        return tf.reshape(rows, [*leading_sizes(inputs), self.units])


def leading_sizes(tensor):
    """The sizes of all axes but the last, for a reshape: ints where they are known, -1 where one can be inferred."""
    static = tensor.shape[:-1].as_list()
    if static.count(None) == 1 and 0 not in static:
        return [-1 if size is None else size for size in static]
    shape = tf.unstack(tf.shape(tensor))[:-1]
    return [found if size is None else size for found, size in zip(shape, static)]
