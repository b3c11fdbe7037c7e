"""Inference in loops gives the results of the Keras layers."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.models import SubsampledBiRNN, recurrent_loop


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(("layers", "subsampling", "residual"), [(1, 1, False), (3, 1, True), (3, 4, True)])
@pytest.mark.parametrize("part_steps", [recurrent_loop.PART_STEPS, 28, 1])
def test_loops_equal_keras_layers(monkeypatch, cell, layers, subsampling, residual, part_steps):
    monkeypatch.setattr(recurrent_loop, "PART_STEPS", part_steps)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: [])
    encoder = SubsampledBiRNN(8, layers, cell, subsampling=subsampling, residual=residual, dropout=0.5)
    inputs = tf.random.stateless_normal([4, 37, 5], [1, 2])
    length = tf.constant([37, 20, 3, 1])
    encoder.build(inputs.shape)
    for weight in encoder.trainable_weights:
        weight.assign_add(0.3 * tf.random.stateless_normal(weight.shape, [weight.shape.num_elements(), 3]))
    expected, steps = encoder(inputs, length)
    # The content of the padding must not matter.
    noise = tf.random.stateless_normal(inputs.shape, [5, 6])
    inputs = tf.where(tf.sequence_mask(length, 37)[..., tf.newaxis], inputs, noise)
    found = tf.function(encoder.infer, autograph=False)(inputs, length)
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(found[1], steps)
    # A batch that is known to have one row.
    alone = tf.function(encoder.infer, autograph=False)(inputs[:1], length[:1])
    np.testing.assert_allclose(alone[0], expected[:1], rtol=0, atol=2e-6)
