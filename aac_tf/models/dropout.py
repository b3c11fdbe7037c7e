"""Dropout whose random state is saved with the model."""

import random

import tensorflow as tf


@tf.keras.utils.register_keras_serializable("aac_tf")
class CheckpointedDropout(tf.keras.layers.Layer):
    """Dropout that continues its sequence of masks when a checkpoint is restored.

    `tf.keras.layers.Dropout` keeps its random state out of checkpoints, so a resumed training run would draw other
    masks than an uninterrupted one.

    Args:
        rate: float, at least 0 and below 1, share of the inputs set to zero in training; the others are scaled up.
        seed: int; None draws one from Python's `random`, which `tf.keras.utils.set_random_seed` seeds.

    Call arguments:
        inputs: float tensor of any shape.
        training: bool.

    Raises:
        ValueError: if the rate is out of range.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models.dropout import CheckpointedDropout
        >>> float(tf.reduce_max(CheckpointedDropout(0.5, seed=1)(tf.ones([100]), training=True)))
        2.0

    Reference:
        N. Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, JMLR 2014.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate must be at least 0 and below 1, got {rate}")
        self.rate = rate
        self.seed = seed
        self._generator = tf.random.Generator.from_seed(random.randrange(2**31) if seed is None else seed)

    def call(self, inputs, training=None):
        if not training or self.rate == 0:
            return inputs
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, self._generator.make_seeds()[:, 0])

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
