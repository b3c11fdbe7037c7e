"""Encoder and decoder together."""

import importlib

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import SpecAugment
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


@pytest.mark.parametrize("factor", [1, 2, 4, 8, 16])
def test_a_clip_alone_equals_the_clip_padded_in_a_batch(decoder, factor):
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


def test_several_captions_of_a_clip_have_the_logits_of_each_alone(decoder):
    model = make_model(decoder)
    tokens = tf.stack([TOKENS, TOKENS[:, ::-1]], axis=1)
    together = model({"features": FEATURES, "length": LENGTH, "tokens": tokens})
    for caption in range(2):
        alone = model({"features": FEATURES, "length": LENGTH, "tokens": tokens[:, caption]})
        np.testing.assert_allclose(together[:, caption], alone, atol=1e-6)


def test_published_size():
    """The paper implies this size for GRU cells of 256 units, 64 mel bins and 4,367 output words."""
    model = CaptioningModel(SubsampledBiRNN(256, 3, "gru", subsampling=4), FixedVectorDecoder(4367, units=256))
    model({"features": tf.zeros([1, 16, 64]), "length": tf.constant([16]), "tokens": tf.zeros([1, 2], tf.int32)})
    assert model.count_params() == 4_573_711


def test_same_logits_under_xla(decoder):
    model = make_model(decoder)
    inputs = {"features": FEATURES, "length": LENGTH, "tokens": TOKENS}
    plain = model(inputs)
    np.testing.assert_allclose(tf.function(model, jit_compile=True, autograph=False)(inputs), plain, atol=1e-5)


def test_encode_is_inference():
    """`encode` applies normalization and embedder like a call, and no dropout."""
    normalization = tf.keras.layers.Normalization(mean=[1.0] * 5, variance=[4.0] * 5)
    encoder = SubsampledBiRNN(4, 2, "gru", subsampling=2, dropout=0.5)
    model = CaptioningModel(encoder, DECODERS["attention"](), normalization, embedder=every_third_frame)
    encoded, steps = model.encode(FEATURES, LENGTH)
    expected, expected_steps = encoder(((FEATURES - 1) / 2)[:, ::3], (LENGTH + 2) // 3)
    np.testing.assert_allclose(encoded, expected, atol=1e-6)
    np.testing.assert_array_equal(steps, expected_steps)
    logits = model({"features": FEATURES, "length": LENGTH, "tokens": TOKENS})
    np.testing.assert_allclose(logits, model.decoder(TOKENS, encoded, steps), atol=1e-5)


def every_third_frame(features, length):
    return features[:, ::3], (length + 2) // 3


def test_a_saved_model_is_loaded_with_all_its_parts(decoder, tmp_path):
    normalization = tf.keras.layers.Normalization()
    normalization.adapt(FEATURES)
    model = CaptioningModel(
        SubsampledBiRNN(4, subsampling=2),
        decoder,
        normalization,
        label_smoothing=0.1,
        specaugment=SpecAugment(max_frames=5),
        input_dropout=0.2,
    )
    inputs = {"features": FEATURES, "length": LENGTH, "tokens": TOKENS}
    expected = model(inputs)
    model.save(tmp_path / "model.keras")
    importlib.import_module("keras_nlp")  # which imports another Keras
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), expected)
    assert loaded.specaugment == SpecAugment(max_frames=5)
    found = loaded.get_config()
    assert (found["label_smoothing"], found["input_dropout"], found["embedding_dropout"]) == (0.1, 0.2, 0.0)
