"""The inference step of the attention decoder."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.models import AttentionDecoder
from aac_tf.models.attention_step import MAX_STEPS


@pytest.mark.parametrize("steps", [9, MAX_STEPS + 1])
def test_equals_the_call_for_few_and_many_steps(steps):
    tf.keras.utils.set_random_seed(0)
    decoder = AttentionDecoder(vocabulary_size=11, units=6, embedding=5, attention_units=4)
    encoded, length = tf.random.normal([2, steps, 8]), tf.constant([steps, 5])
    memory = decoder.prepare_memory(encoded, length)  # builds the decoder
    for weight in decoder.weights:
        weight.assign(tf.random.normal(weight.shape))
    tokens = tf.constant([[1, 5, 6, 3], [1, 8, 2, 4], [1, 5, 9, 3], [1, 7, 7, 7]])  # two rows for each clip
    expected = decoder(tokens, encoded, length)
    memory = decoder.prepare_memory(encoded, length)
    assert memory[-1].shape[1] == (steps if steps <= MAX_STEPS else 0)
    state = tf.nest.map_structure(lambda tensor: tf.repeat(tensor, 2, axis=0), decoder.initial_state(memory, 4))
    step = tf.function(decoder.step)
    for word in range(4):
        logits, state = step(tokens[:, word], state, memory)
        np.testing.assert_allclose(logits, expected[:, word], atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_equals_the_call_in_other_precisions(dtype):
    decoder = AttentionDecoder(vocabulary_size=11, units=6, embedding=5, attention_units=4, dtype=dtype)
    encoded, length = tf.random.stateless_normal([2, 9, 8], [1, 2]), tf.constant([9, 5])
    memory, tokens = decoder.prepare_memory(encoded, length), tf.constant([[1], [3]])
    logits, _ = decoder.step(tokens[:, 0], decoder.initial_state(memory, 4), memory)
    np.testing.assert_allclose(logits, decoder(tokens, encoded, length)[:, 0], atol=1e-3)
