"""Temporal attention."""

import numpy as np
import pytest
import tensorflow as tf
from layer_checks import check_layer

from aac_tf.models import TemporalAttention
from aac_tf.models.blocks import in_blocks

ENCODED = tf.random.stateless_normal([3, 6, 5], [1, 2])
QUERY = tf.random.stateless_normal([3, 4], [3, 4])
MASK = tf.sequence_mask([6, 2, 1], 6)


def test_layer():
    check_layer(
        TemporalAttention(7),
        lambda layer: layer(QUERY, ENCODED, mask=MASK),
        expected_output_shape=((3, 5), (3, 6)),
        expected_output_dtype=ENCODED.dtype,
        expected_num_trainable_weights=4,
    )


def test_equations():
    attention = TemporalAttention(7)
    context, weights = attention(QUERY, ENCODED, mask=MASK)
    found = {weight.name.split("/")[-2] + "/" + weight.name.split("/")[-1][:-2]: weight for weight in attention.weights}
    keys, bias = found["attention_keys/kernel"].numpy(), found["attention_keys/bias"].numpy()
    query, score = found["attention_query/kernel"].numpy(), found["attention_score/kernel"].numpy()
    for row, steps in enumerate([6, 2, 1]):
        alpha = np.maximum(ENCODED[row, :steps].numpy() @ keys + bias + QUERY[row].numpy() @ query, 0) @ score[:, 0]
        expected = np.exp(alpha - alpha.max()) / np.exp(alpha - alpha.max()).sum()
        np.testing.assert_allclose(weights[row, :steps], expected, atol=1e-6)
        np.testing.assert_allclose(context[row], expected @ ENCODED[row, :steps].numpy(), atol=1e-6)
        assert not weights[row, steps:].numpy().any()


def test_several_words_at_once_with_given_keys():
    attention = TemporalAttention(7)
    queries = tf.random.stateless_normal([3, 8, 4], [5, 6])
    context, weights = attention(queries, ENCODED, mask=MASK, keys=attention.project(ENCODED))
    for word in range(8):
        alone_context, alone_weights = attention(queries[:, word], ENCODED, mask=MASK)
        np.testing.assert_allclose(context[:, word], alone_context, atol=1e-6)
        np.testing.assert_allclose(weights[:, word], alone_weights, atol=1e-6)


# Widths for which oneDNN's einsum kernel silently computed something else, and some for which it did not.
WIDTHS = [(1, 1), (3, 5), (4, 7), (5, 1), (6, 8), (7, 31), (16, 5), (31, 16), (32, 32), (256, 64)]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("words", [None, 1, 8])
@pytest.mark.parametrize("rows", [1, 3])
def test_is_right_for_every_width(rows, words, dtype):
    """Compares with NumPy in float64: some kernels are wrong only for some widths, or for several rows or words."""
    rng, steps = np.random.default_rng(1), 7
    tolerance = 1e-5 if dtype == "float32" else 0.15
    for features, units in WIDTHS:
        attention = TemporalAttention(units, dtype="mixed_bfloat16" if dtype == "bfloat16" else dtype)
        shape = [rows, features] if words is None else [rows, words, features]
        # Multiples of 1/4 are exact in bfloat16.
        query, encoded = rng.integers(-4, 5, shape) / 4, rng.integers(-4, 5, [rows, steps, 5]) / 4
        call = tf.function(lambda query, encoded, attention=attention: attention(query, encoded), autograph=False)
        inputs = [tf.constant(array, tf.float32) for array in (query, encoded)]
        attention(*inputs)
        kernels = [rng.integers(-4, 5, weight.shape) / (2 * weight.shape[0] ** 0.5) for weight in attention.weights]
        kernels = [np.asarray(tf.cast(tf.cast(kernel, dtype), tf.float64)) for kernel in kernels]
        attention.set_weights(kernels)
        found = dict(zip((weight.name.split("/", 1)[1] for weight in attention.weights), kernels))
        key, bias = found["attention_keys/kernel:0"], found["attention_keys/bias:0"]
        asked = (query if words else query[:, np.newaxis]) @ found["attention_query/kernel:0"]
        alpha = np.maximum((encoded @ key + bias)[:, np.newaxis] + asked[:, :, np.newaxis], 0)
        scores = (alpha @ found["attention_score/kernel:0"])[..., 0]
        expected = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        for compute in (attention, call):
            context, weights = compute(*inputs)
            np.testing.assert_allclose(
                tf.cast(weights, tf.float64), expected if words else expected[:, 0], atol=tolerance
            )
            product = expected @ encoded
            np.testing.assert_allclose(
                tf.cast(context, tf.float64), product if words else product[:, 0], atol=tolerance
            )


@pytest.mark.parametrize("block", [1, 4, 9])
def test_blocks_of_steps_give_the_same_attention(block):
    attention, mask = TemporalAttention(5), tf.sequence_mask([9, 6], 9)
    query, encoded = tf.random.stateless_normal([2, 3, 4], [1, 2]), tf.random.stateless_normal([2, 9, 8], [3, 4])
    expected = attention(query, encoded, mask=mask)
    with in_blocks(block):
        found = tf.function(lambda: attention(query, encoded, mask=mask), autograph=False)()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
