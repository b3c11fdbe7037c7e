"""Mixup of clips and words, and label smoothing, in the model and its training loss."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from models.new_parts import SelfAttentionDecoder, StridedConv1D

from aac_tf.models import AttentionDecoder, CaptioningModel, FixedVectorDecoder, TransformerDecoder
from aac_tf.models.loss import CaptionCrossentropy, position_weights
from aac_tf.models.mixup import mix_features, mix_words, word_mixtures, word_shares

WORDS = 11
TARGETS = np.array([[5, 6, 2, 0], [8, 2, 0, 0], [9, 3, 7, 2]])
COUNTS = np.array([3, 2, 4])
PARTNER = np.array([1, 2, 0])
SHARE = np.array([0.7, 0.5, 1.0], np.float32)
LOGITS = np.random.default_rng(0).normal(size=[3, 4, WORDS]).astype(np.float32)


def crossentropy(logits, targets):
    """Cross-entropy of each word, computed in numpy."""
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -np.take_along_axis(logs, targets[..., np.newaxis], -1)[..., 0]


def test_smoothed_loss_is_that_of_the_formula():
    """1 - e of the cross-entropy and e of the mean over all words; padding and weights of words as without it."""
    word_weights = np.linspace(0.5, 1, WORDS).astype(np.float32)
    weights = position_weights(TARGETS, COUNTS, TARGETS.size, word_weights=word_weights)
    every = np.mean([crossentropy(LOGITS, np.full_like(TARGETS, word)) for word in range(WORDS)], axis=0)
    losses = (0.9 * crossentropy(LOGITS, TARGETS) + 0.1 * every) * word_weights[TARGETS]
    expected = sum(losses[row, :count].sum() for row, count in enumerate(COUNTS)) / COUNTS.sum()
    found = CaptionCrossentropy()(*smoothed(weights))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def smoothed(weights):
    mixtures, weights = word_mixtures(TARGETS, weights, smoothing=0.1)
    return mixtures, tf.constant(LOGITS), weights


def test_mixed_loss_is_the_mixture_of_losses():
    """Also where only one of both captions has a word."""
    weights = position_weights(TARGETS, COUNTS, TARGETS.size)
    mixtures, mixed = word_mixtures(TARGETS, weights, partner=PARTNER, share=SHARE)
    found = CaptionCrossentropy(reduction="none")(mixtures, LOGITS, mixed)
    own, other = crossentropy(LOGITS, TARGETS) * weights, crossentropy(LOGITS, TARGETS[PARTNER])
    share = SHARE[:, np.newaxis]
    np.testing.assert_allclose(found, share * own + (1 - share) * other * weights.numpy()[PARTNER], rtol=1e-4)


def test_gradient_of_mixed_and_smoothed_words_is_that_of_their_distributions():
    """Also where both words are the same."""
    logits = tf.constant(LOGITS)
    targets, partner = np.where(TARGETS == 3, 6, TARGETS), np.array([2, 0, 1])
    mixtures, weights = word_mixtures(targets, tf.ones(targets.shape), 0.1, partner, SHARE)
    one_hot, share = np.eye(WORDS, dtype=np.float32)[targets], SHARE[:, np.newaxis, np.newaxis]
    distributions = 0.9 * (share * one_hot + (1 - share) * one_hot[partner]) + 0.1 / WORDS
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        found = CaptionCrossentropy()(mixtures, logits, weights)
        expected = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(distributions, logits))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(found, logits), tape.gradient(expected, logits), atol=1e-7)


def test_features_are_mixed_without_their_padding():
    features = np.array([[[1.0], [9.0]], [[3.0], [5.0]]], np.float32)
    mixed, length = mix_features(features, tf.constant([1, 2]), [1, 0], tf.constant([0.75, 0.5]))
    np.testing.assert_array_equal(mixed[..., 0], [[1.5, 1.25], [2.0, 2.5]])
    np.testing.assert_array_equal(length, [2, 2])


def test_words_are_mixed_where_both_captions_have_one():
    embedded = np.array([[[1.0], [2.0], [3.0]], [[5.0], [9.0], [9.0]]], np.float32)
    mixed = mix_words(embedded, embedded[::-1], word_shares([2, 1], 3, [1, 0], tf.constant([0.75, 0.5])))
    np.testing.assert_array_equal(mixed[..., 0], [[2.0, 2.0, 0.0], [3.0, 2.0, 0.0]])


def make_model(decoder, **options):
    """A compiled model and a batch of two captions for each clip."""
    tf.keras.utils.set_random_seed(3)
    model = CaptioningModel(StridedConv1D(4, 2), decoder, **options)
    model.compile("sgd", CaptionCrossentropy(), weighted_metrics=[], run_eagerly=True)
    tokens = tf.stack([[[1, 5, 6, 2], [1, 8, 2, 0]], [[1, 9, 3, 7], [1, 2, 0, 0]], [[1, 9, 2, 0], [0, 0, 0, 0]]])
    words = tf.constant([[3, 2], [4, 1], [2, 0]])
    targets = tf.concat([tokens[..., 1:], tf.fill([3, 2, 1], 2)], -1)
    weights = position_weights(targets, words, 24)
    features = tf.random.stateless_normal([3, 20, 5], [1, 2])
    inputs = {"features": features, "length": tf.constant([20, 11, 1]), "tokens": tokens}
    mixture = {"partner": tf.constant([1, 2, 0]), "words": words}
    return model, (inputs, targets, weights), mixture


DECODERS = {
    "attention": lambda: AttentionDecoder(WORDS, units=6, embedding=4, attention_units=5),
    "fixed_vector": lambda: FixedVectorDecoder(WORDS, units=6),
    "self_attention": lambda: SelfAttentionDecoder(WORDS, units=6),
}


@pytest.mark.parametrize("kind", DECODERS)
def test_a_share_of_one_is_the_identity(kind):
    model, (inputs, targets, weights), mixture = make_model(DECODERS[kind]())
    mixed = {**inputs, **mixture, "share": tf.ones([3])}
    valid = weights.numpy() > 0
    np.testing.assert_array_equal(model(mixed).numpy()[valid], model(inputs).numpy()[valid])
    plain = model.train_on_batch(inputs, targets, weights)
    again, _, _ = make_model(DECODERS[kind]())
    assert again.train_on_batch(mixed, targets, weights) == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("kind", DECODERS)
def test_padding_does_not_change_mixed_clips(kind):
    """Neither the padding of features and words nor what it holds changes the logits of a mixture."""
    model, (inputs, _, _), mixture = make_model(DECODERS[kind]())
    mixture["share"] = tf.constant([0.6, 0.7, 0.8])
    expected = model({**inputs, **mixture})
    rows = tf.sequence_mask(inputs["length"], 23)[..., tf.newaxis]
    features = tf.where(rows, tf.pad(inputs["features"], [[0, 0], [0, 3], [0, 0]]), 50.0)
    present = tf.sequence_mask(mixture["words"], 6)
    tokens = tf.where(present, tf.pad(inputs["tokens"], [[0, 0], [0, 0], [0, 2]]), 4)
    found = model({"features": features, "length": inputs["length"], "tokens": tokens, **mixture})
    valid = present[..., :4] | tf.gather(present[..., :4], mixture["partner"])
    np.testing.assert_allclose(found[:, :, :4][valid], expected[valid], atol=1e-5)


@pytest.mark.parametrize("kind", DECODERS)
def test_training_without_padding_is_that_with_it(kind, monkeypatch):
    """With mixup and label smoothing; TPUs train with padding."""
    results = []
    for devices in ([], ["a TPU"]):
        model, (inputs, targets, weights), mixture = make_model(DECODERS[kind](), label_smoothing=0.1)
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None, found=devices: found)
        model(inputs)  # creates the weights
        call, ranks = model.call, set()
        monkeypatch.setattr(model, "call", functools.partial(_note_rank, call, ranks))
        mixed = {**inputs, **mixture, "share": tf.constant([0.6, 0.7, 0.8])}
        losses = [model.train_on_batch(mixed, targets, weights) for _ in range(2)]
        assert ranks == ({4} if devices else {3})
        results.append([losses, *model.get_weights()])
    for packed, padded in zip(*results, strict=True):
        np.testing.assert_allclose(packed, padded, atol=1e-5)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(
    "kind", [AttentionDecoder, FixedVectorDecoder, functools.partial(TransformerDecoder, layers=1, feedforward=8)]
)
def test_mixed_clips_train_in_half_precision(kind, precision):
    losses = []
    for dtype in ("float32", precision):
        model, (inputs, targets, weights), mixture = make_model(kind(WORDS, units=8, dtype=dtype))
        mixed = {**inputs, **mixture, "share": tf.constant([0.6, 0.7, 0.8])}
        losses.append([model.train_on_batch(mixed, targets, weights) for _ in range(2)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.02)


def _note_rank(call, ranks, *inputs, **options):
    logits = call(*inputs, **options)
    ranks.add(logits.shape.rank)
    return logits


def test_mixed_and_smoothed_training_compiles_with_xla():
    losses = []
    for compiled in (False, True):
        model, (inputs, targets, weights), mixture = make_model(DECODERS["self_attention"](), label_smoothing=0.1)
        model.run_eagerly, model.jit_compile = not compiled, compiled
        mixed = {**inputs, **mixture, "share": tf.constant([0.6, 0.7, 0.8])}
        losses.append([model.train_on_batch(mixed, targets, weights) for _ in range(2)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    assert losses[0][1] < losses[0][0]


def test_validation_loss_is_not_smoothed():
    model, (inputs, targets, weights), _ = make_model(DECODERS["self_attention"](), label_smoothing=0.1)
    expected = float(CaptionCrossentropy()(targets, model(inputs), weights))
    assert model.test_on_batch(inputs, targets, weights) == pytest.approx(expected, rel=1e-5)
    assert model.train_on_batch(inputs, targets, weights) != pytest.approx(expected, rel=1e-5)
