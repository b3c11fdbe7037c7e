"""What every layer of the project must pass."""

import numpy as np
import tensorflow as tf


def check_layer(layer, call, weights_are_trained=True):
    """Checks that a layer serializes, trains, and runs in bfloat16 and under XLA.

    Args:
        layer: a layer that was not called yet.
        call: function from a layer to an output tensor, or a nest of them, the first a float tensor.
    """
    output = _first(call(layer))
    assert np.isfinite(output.numpy()).all()

    twin = type(layer).from_config(layer.get_config())
    call(twin)
    twin.set_weights(layer.get_weights())
    np.testing.assert_allclose(_first(call(twin)), output, rtol=1e-6)

    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(_first(call(layer)) ** 2)
    gradients = tape.gradient(loss, layer.trainable_weights)
    if weights_are_trained:
        missing = [weight.name for weight, gradient in zip(layer.trainable_weights, gradients) if gradient is None]
        assert not missing

    compiled = tf.function(lambda: _first(call(layer)), jit_compile=True)()
    np.testing.assert_allclose(compiled, output, rtol=1e-4, atol=1e-5)

    half = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    call(half)
    half.set_weights(layer.get_weights())
    np.testing.assert_allclose(tf.cast(_first(call(half)), tf.float32), output, rtol=0.1, atol=0.1)
    assert all(weight.dtype == tf.float32 for weight in half.weights)


def _first(output):
    return tf.nest.flatten(output)[0]
