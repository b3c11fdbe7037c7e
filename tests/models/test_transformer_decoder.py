"""The transformer decoder and its parts."""

import numpy as np
import pytest
import tensorflow as tf
from contracts.decoder import check_decoder

from aac_tf.models import TransformerDecoder
from aac_tf.models.multi_head_attention import MultiHeadAttention
from aac_tf.models.positions import sinusoids


def make_decoder(**options):
    return TransformerDecoder(11, **{"layers": 2, "units": 6, "heads": 2, "feedforward": 7, **options})


def test_contract():
    # An embedding, a final norm and a classifier; per layer 8 dense layers of attention, 2 others and 3 norms.
    check_decoder(
        make_decoder(layers=1, dropout=0.3), 8, expected_num_trainable_weights=5 + 26, expected_num_seed_generators=4
    )


@pytest.mark.slow
def test_contract_with_post_norm_and_a_width_that_heads_do_not_divide():
    check_decoder(
        make_decoder(pre_norm=False, heads=4, dropout=0.3),
        8,
        expected_num_trainable_weights=3 + 2 * 26,
        expected_num_seed_generators=7,
    )


def test_attention_of_keras_gives_the_same_context_and_weights():
    inputs = tf.random.stateless_normal([2, 5, 6], [1, 2])
    steps = tf.random.stateless_normal([2, 7, 3], [3, 4])
    visible = tf.sequence_mask([7, 4], 7)[:, tf.newaxis]
    keras = tf.keras.layers.MultiHeadAttention(num_heads=3, key_dim=2)
    expected, scores = keras(inputs, steps, attention_mask=visible, return_attention_scores=True)
    attention = MultiHeadAttention(units=6, heads=3)
    attention(inputs, *attention.project(steps), visible[:, tf.newaxis])
    for name in ("query", "key", "value", "output"):
        ours, theirs = getattr(attention, f"_{name}"), getattr(keras, f"_{name}_dense")
        ours.set_weights([array.reshape(own.shape) for array, own in zip(theirs.get_weights(), ours.weights)])
    context, weights = attention(inputs, *attention.project(steps), visible[:, tf.newaxis])
    np.testing.assert_allclose(context, expected, atol=1e-6)
    np.testing.assert_allclose(weights, scores, atol=1e-6)


def test_positions_are_those_of_keras_nlp():
    from keras_nlp.layers import SinePositionEncoding

    for width in (6, 7):
        expected = SinePositionEncoding()(tf.zeros([1, 40, width]))[0]
        np.testing.assert_allclose(sinusoids(tf.range(40), width), expected, atol=1e-5)


def test_order_of_words_matters():
    decoder = make_decoder(layers=1)
    encoded, length = tf.random.stateless_normal([1, 7, 8], [3, 4]), tf.constant([7])
    one, other = (decoder(tf.constant([words]), encoded, length)[0, -1] for words in ([1, 5, 6, 7], [1, 6, 5, 7]))
    assert np.abs(one - other).max() > 1e-3


def test_cache_holds_the_longest_caption_and_no_more():
    decoder = make_decoder()
    memory = decoder.prepare_memory(tf.zeros([2, 7, 8]), tf.constant([7, 3]))
    _, caches = decoder.initial_state(memory, max_words=20)
    assert {tuple(tensor.shape) for tensor in tf.nest.flatten(caches)} == {(2, 2, 21, 3)}
