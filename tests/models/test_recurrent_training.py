"""The loop that trains recurrent layers on CPUs."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.models import SubsampledBiRNN, recurrent_training, subsampled_birnn
from aac_tf.models.recurrent_training import training_loop

LAYERS = {"lstm": tf.keras.layers.LSTM, "gru": tf.keras.layers.GRU}


def make_layer(cell, width):
    layer = tf.keras.layers.Bidirectional(LAYERS[cell](6, return_sequences=True))
    layer.build(tf.TensorShape([None, None, width]))
    for index, variable in enumerate(layer.weights):  # biases too, which are zero at first
        variable.assign(0.3 * tf.random.stateless_normal(variable.shape, [index, 1]))
    return layer


def both_directions(layer, inputs, length, dtype=tf.float32):
    inputs = tf.transpose(inputs, [1, 0, 2])
    directions = (layer.forward_layer, False), (layer.backward_layer, True)
    states = [training_loop(layer.cell, inputs, length, backward, dtype) for layer, backward in directions]
    return tf.transpose(tf.concat(states, axis=-1), [1, 0, 2])


@pytest.mark.parametrize(("steps", "part_steps"), [(1, 8192), (7, 8192), (7, 6), (7, 1)])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_states_and_gradients_are_those_of_keras(monkeypatch, cell, steps, part_steps):
    monkeypatch.setattr(recurrent_training, "PART_STEPS", part_steps)
    layer, length = make_layer(cell, 5), tf.constant([steps, max(1, steps - 4), 1])
    inputs = tf.random.stateless_normal([3, steps, 5], [1, 2])
    wanted = tf.random.stateless_normal([3, steps, 12], [3, 4])
    mask = tf.sequence_mask(length, steps)

    def keras(inputs):
        return layer(inputs, mask=mask) * tf.cast(mask, tf.float32)[..., tf.newaxis]

    def loop(inputs):
        return both_directions(layer, inputs, length)

    results = []
    for function in (keras, tf.function(loop, autograph=False)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            states = function(inputs)
            loss = tf.reduce_sum(states * wanted)
        results.append([states, *tape.gradient(loss, [inputs, *layer.trainable_variables])])
    for expected, found in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_bfloat16_rounds_only_the_products(cell):
    layer, inputs, length = make_layer(cell, 5), tf.random.stateless_normal([2, 9, 5], [1, 2]), tf.constant([9, 4])
    exact, rounded = (both_directions(layer, inputs, length, dtype) for dtype in (tf.float32, tf.bfloat16))
    assert rounded.dtype == tf.float32
    assert 1e-5 < np.abs(exact - rounded).max() < 0.03


@pytest.mark.parametrize(("devices", "dtype"), [(["a GPU"], "float32"), ([], "mixed_float16")])
def test_keras_layers_train_where_loops_are_slower(monkeypatch, devices, dtype):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: devices)
    monkeypatch.setattr(subsampled_birnn, "training_loop", None)
    encoded, _ = SubsampledBiRNN(3, 2, "gru", dtype=dtype)(tf.zeros([2, 9, 4]), tf.constant([9, 4]))
    assert encoded.shape == (2, 9, 6)
