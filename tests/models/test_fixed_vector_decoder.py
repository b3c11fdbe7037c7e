"""The decoder that reads the encoder's last step."""

import numpy as np
import tensorflow as tf
from contracts.decoder import check_decoder

from aac_tf.models import FixedVectorDecoder


def test_contract():
    decoder = FixedVectorDecoder(11, units=6, dropout=0.5)
    check_decoder(decoder, 8, expected_num_trainable_weights=5, expected_num_seed_generators=1)


def test_ignores_previous_words():
    decoder = FixedVectorDecoder(11, units=6)
    encoded, length = tf.random.stateless_normal([1, 7, 8], [3, 4]), tf.constant([7])
    tokens = tf.constant([[1, 5, 6, 7]])
    np.testing.assert_array_equal(decoder(tokens, encoded, length), decoder(tokens * 0, encoded, length))


def test_an_empty_batch_has_no_logits():
    decoder = FixedVectorDecoder(11, units=6)
    encoded, length, tokens = tf.zeros([0, 7, 8]), tf.zeros([0], tf.int32), tf.zeros([0, 4], tf.int32)
    logits, weights = decoder.explain(tokens, encoded, length)
    assert (logits.shape, weights.shape) == ((0, 4, 11), (0, 4, 7))
    memory = decoder.prepare_memory(encoded, length)
    assert decoder.step(tokens[:, 0], decoder.initial_state(memory, 4), memory)[0].shape == (0, 11)
