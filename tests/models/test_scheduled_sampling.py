"""Scheduled sampling: words drawn from the model's predictions replace previous words."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import SpecAugment
from aac_tf.models import AttentionDecoder, CaptioningModel, FixedVectorDecoder, SubsampledBiRNN
from aac_tf.models.scheduled_sampling import replace_words, sample_words

WORDS = 11
TOKENS = tf.constant([[1, 5, 6, 7], [1, 8, 2, 2]])
INPUTS = {"features": tf.random.stateless_normal([2, 9, 5], [1, 2]), "length": tf.constant([9, 4]), "tokens": TOKENS}


def make_model(decoder=None, **options):
    tf.keras.utils.set_random_seed(3)
    decoder = decoder or AttentionDecoder(WORDS, units=6, embedding=4, attention_units=5)
    return CaptioningModel(SubsampledBiRNN(4, 1, "gru"), decoder, **options)


@pytest.mark.parametrize("compiled", [False, True])
def test_words_are_drawn_from_the_distribution(compiled):
    """The inverse of the distribution function, in a vocabulary of several blocks."""
    logits = np.random.default_rng(1).normal(size=[150]).astype(np.float32) * 2
    quantile = np.linspace(0, 1, 500, endpoint=False).astype(np.float32)
    function = tf.function(sample_words, jit_compile=compiled, autograph=False)
    found = function(tf.tile(logits[np.newaxis], [500, 1]), tf.constant(quantile)).numpy()
    probabilities = np.exp(np.float64(logits)) / np.exp(np.float64(logits)).sum()
    ends = np.cumsum(probabilities)
    assert (ends[found] >= quantile - 1e-5).all()
    assert (ends[found] - probabilities[found] <= quantile + 1e-5).all()


def test_a_word_is_replaced_by_the_prediction_for_its_place():
    logits = tf.one_hot([[4, 9, 3, 0], [0, 7, 0, 0]], WORDS) * 1e3
    sampled = tf.constant([[False, True, False, True], [False, False, True, False]])
    replaced = replace_words(TOKENS, logits, sampled, tf.fill([2, 4], 0.5))
    np.testing.assert_array_equal(replaced, [[1, 4, 6, 3], [1, 8, 7, 2]])


def test_probability_of_zero_changes_nothing():
    model = make_model()
    sampling = {"sampled": tf.zeros([2, 4], tf.bool), "quantile": tf.fill([2, 4], 0.5)}
    np.testing.assert_array_equal(model({**INPUTS, **sampling}), model(INPUTS))


@pytest.mark.parametrize("captions", [False, True])
def test_the_second_pass_sees_words_of_the_first(captions):
    model = make_model()
    tokens = tf.stack([TOKENS, TOKENS[::-1]], 1) if captions else TOKENS
    inputs, quantile = {**INPUTS, "tokens": tokens}, tf.random.stateless_uniform(tokens.shape, [5, 6])
    sampled = tf.broadcast_to(tf.range(4) > 0, tokens.shape)
    expected = replace_words(tokens, model(inputs), sampled, quantile)
    assert not np.array_equal(expected, tokens)
    found = model({**inputs, "sampled": sampled, "quantile": quantile})
    np.testing.assert_allclose(found, model({**inputs, "tokens": expected}), atol=1e-6)


def test_dropouts_act_in_training_only():
    plain = make_model()
    expected = plain(INPUTS)
    for options in ({"input_dropout": 0.5}, {"embedding_dropout": 0.5}):
        model = make_model(**options)
        model(INPUTS)
        model.set_weights(plain.get_weights())
        np.testing.assert_array_equal(model(INPUTS), expected)
        changed = np.abs(model(INPUTS, training=True) - expected).max(-1) > 1e-6
        assert changed.any()


def test_masks_of_the_encoder_inputs():
    """A masked value of the features does not matter, one beside it does."""
    model = make_model(FixedVectorDecoder(WORDS, units=6), specaugment=SpecAugment(3, 2, probability=1.0))
    inputs = {**INPUTS, "masks": tf.constant([[0.0, 0.9, 0.5, 0.9, 0.5], [0.0, 0.9, 0.5, 0.9, 0.5]])}
    start, width, bins_start, bins_width = (int(x[0]) for x in model.specaugment.place([9, 4], 5, inputs["masks"]))
    assert width == 3
    assert bins_width == 2
    logits = model(inputs)
    features = INPUTS["features"].numpy()
    features[0, start : start + width] = 50.0
    features[0, :9, bins_start : bins_start + bins_width] = 50.0
    np.testing.assert_array_equal(model({**inputs, "features": tf.constant(features)}), logits)
    features[0, start + width] += 1.0
    assert not np.array_equal(model({**inputs, "features": tf.constant(features)}), logits)
