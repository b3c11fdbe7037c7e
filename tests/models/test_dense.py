"""The linear layer of the models."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.models.dense import Dense


@pytest.mark.parametrize("shape", [[3, 4], [2, 5, 4], [2, 1, 4], [2, 3, 5, 4], [0, 5, 4], [2, 0, 4]])
@pytest.mark.parametrize("known", ["all sizes", "one unknown", "unknown"])
def test_equals_the_keras_layer_for_all_ranks(shape, known):
    inputs = tf.random.stateless_normal(shape, [1, 2])
    dense, expected = Dense(3, "relu"), tf.keras.layers.Dense(3, "relu")
    expected.build(shape)
    dense.build(shape)
    dense.set_weights(expected.get_weights())
    hidden = {"all sizes": 0, "one unknown": 1, "unknown": len(shape) - 1}[known]
    signature = [tf.TensorSpec([*[None] * hidden, *shape[hidden:]])]
    found = tf.function(dense, signature, autograph=False)
    assert found.get_concrete_function().structured_outputs.shape.as_list() == [*signature[0].shape[:-1], 3]
    np.testing.assert_allclose(found(inputs), expected(inputs), atol=1e-6)
