"""Encoder and decoders together."""

import numpy as np
import pytest
import tensorflow as tf
from layer_checks import check_layer

from aac_tf.models import AttentionDecoder, CaptioningModel, FixedVectorDecoder, SubsampledBiRNN

DECODERS = {
    "attention": lambda: AttentionDecoder(11, units=6, embedding=4, attention_units=5),
    "fixed_vector": lambda: FixedVectorDecoder(11, units=6),
}
TOKENS = tf.constant([[1, 5, 6, 7], [1, 8, 2, 2], [1, 9, 9, 3]])
LENGTH = tf.constant([40, 11, 1])
FEATURES = tf.random.stateless_normal([3, 40, 5], [1, 2])


@pytest.fixture(params=DECODERS)
def decoder(request):
    return DECODERS[request.param]()


def make_model(decoder, factor=2):
    return CaptioningModel(SubsampledBiRNN(4, 3, "gru", subsampling=factor), decoder)


def test_layer(decoder):
    encoded = tf.random.stateless_normal([3, 7, 8], [3, 4])
    check_layer(decoder, lambda layer: layer(TOKENS, encoded, tf.constant([7, 3, 1])))


def test_step_by_step_equals_all_at_once(decoder):
    encoded, length = tf.random.stateless_normal([3, 7, 8], [3, 4]), tf.constant([7, 3, 1])
    expected = decoder(TOKENS, encoded, length)
    memory = decoder.prepare_memory(encoded, length)
    state = decoder.initial_state(memory)
    for word in range(4):
        logits, state = decoder.step(TOKENS[:, word], state, memory)
        np.testing.assert_allclose(logits, expected[:, word], atol=1e-5)


def test_attention_weights_are_a_distribution_over_valid_steps(decoder):
    encoded, length = tf.random.stateless_normal([3, 7, 8], [3, 4]), tf.constant([7, 3, 1])
    decoder(TOKENS, encoded, length)
    weights = decoder.attention(TOKENS, encoded, length).numpy()
    assert weights.shape == (3, 4, 7)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    for row, steps in enumerate(length):
        assert not weights[row, :, steps:].any()


def test_attention_weights_are_those_the_words_were_predicted_with():
    decoder = DECODERS["attention"]()
    encoded, length = tf.random.stateless_normal([1, 7, 8], [3, 4]), tf.constant([7])
    weights = decoder.attention(TOKENS[:1], encoded, length)
    memory = decoder.prepare_memory(encoded, length)
    state = decoder.initial_state(memory)
    for word in range(4):
        _, expected = decoder._cell.attention(state[0], encoded)
        np.testing.assert_allclose(weights[:, word], expected, atol=1e-6)
        _, state = decoder.step(TOKENS[:1, word], state, memory)


@pytest.mark.parametrize("factor", [1, 2, 4, 8, 16])
def test_a_clip_alone_and_padded_in_a_batch(decoder, factor):
    model = make_model(decoder, factor)
    together = model({"features": FEATURES, "length": LENGTH, "tokens": TOKENS})
    for row, length in enumerate(LENGTH):
        alone = model(
            {
                "features": FEATURES[row : row + 1, :length],
                "length": LENGTH[row : row + 1],
                "tokens": TOKENS[row : row + 1],
            }
        )
        np.testing.assert_allclose(together[row], alone[0], atol=1e-5)


def test_fixed_vector_ignores_previous_words():
    model = make_model(DECODERS["fixed_vector"]())
    inputs = {"features": FEATURES, "length": LENGTH}
    np.testing.assert_array_equal(model({**inputs, "tokens": TOKENS}), model({**inputs, "tokens": TOKENS * 0}))


@pytest.mark.parametrize("factor", [1, 2, 4, 8, 16])
def test_all_captions_of_a_clip_at_once_give_the_same_logits(decoder, factor):
    model = make_model(decoder, factor)
    tokens = tf.stack([TOKENS, TOKENS[:, ::-1]], axis=1)
    together = model({"features": FEATURES, "length": LENGTH, "tokens": tokens})
    for caption in range(2):
        alone = model({"features": FEATURES, "length": LENGTH, "tokens": tokens[:, caption]})
        np.testing.assert_allclose(together[:, caption], alone, atol=1e-6)


def test_published_size():
    """GRU cells of 256 units, 64 mels and 4,367 output words: the size that its paper implies."""
    model = CaptioningModel(SubsampledBiRNN(256, 3, "gru", subsampling=4), FixedVectorDecoder(4367, units=256))
    model({"features": tf.zeros([1, 16, 64]), "length": tf.constant([16]), "tokens": tf.zeros([1, 2], tf.int32)})
    assert model.count_params() == 4_573_711


def test_same_logits_under_xla(decoder):
    model = make_model(decoder)
    inputs = {"features": FEATURES, "length": LENGTH, "tokens": TOKENS}
    plain = model(inputs)
    np.testing.assert_allclose(tf.function(model, jit_compile=True)(inputs), plain, atol=1e-5)
