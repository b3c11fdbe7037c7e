"""The best words of a large vocabulary."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.decoding.top_words import top_words


@pytest.mark.parametrize("vocabulary", [40, 2048, 4367])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_is_top_k(vocabulary, k):
    # Many equal values, also the lowest of all, which forbidden words have.
    values = np.random.default_rng(0).integers(0, 30, [2, 3, vocabulary]).astype(np.float32)
    values[0, 0, 5:] = tf.float32.min
    values[0, 1, 1:] = -np.inf
    for found, expected in zip(top_words(tf.constant(values), k), tf.math.top_k(values, k), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_more_words_than_blocks():
    values = tf.constant(np.random.default_rng(0).normal(size=[1, 1, 2048]), tf.float32)
    for found, expected in zip(top_words(values, 100), tf.math.top_k(values, 100), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_of_a_batch_of_unknown_size():
    values = tf.constant(np.random.default_rng(0).normal(size=[4, 3, 2100]), tf.float32)
    compiled = tf.function(lambda values: top_words(values, 3), [tf.TensorSpec([None, 3, 2100])], jit_compile=True)
    np.testing.assert_array_equal(compiled(values)[1], tf.math.top_k(values, 3)[1])
