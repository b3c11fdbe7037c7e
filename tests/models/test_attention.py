"""Temporal attention."""

import numpy as np
import tensorflow as tf
from layer_checks import check_layer

from aac_tf.models import TemporalAttention

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
