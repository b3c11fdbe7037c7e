"""The decoder with temporal attention."""

import numpy as np
import tensorflow as tf
from contracts.decoder import check_decoder

from aac_tf.models import AttentionDecoder


def make_decoder(dropout=0.0):
    return AttentionDecoder(11, units=6, embedding=4, attention_units=5, dropout=dropout)


def test_contract():
    check_decoder(make_decoder(dropout=0.5), 8, expected_num_trainable_weights=10, expected_num_seed_generators=1)


def test_attention_weights_are_those_that_each_word_was_predicted_with():
    decoder = make_decoder()
    encoded, length = tf.random.stateless_normal([1, 7, 8], [3, 4]), tf.constant([7])
    tokens = tf.constant([[1, 5, 6, 7]])
    weights = decoder.attention(tokens, encoded, length)
    memory = decoder.prepare_memory(encoded, length)
    state = decoder.initial_state(memory, max_words=4)
    for word in range(4):
        _, expected = decoder._cell.attention(state[0], encoded)
        np.testing.assert_allclose(weights[:, word], expected, atol=1e-6)
        _, state = decoder.step(tokens[:, word], state, memory)
