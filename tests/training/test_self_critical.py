"""Self-critical sequence training: sampled captions in a batch, weighted by their rewards."""

import csv

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.config import ConfigError, load_config
from aac_tf.data.preparation import build_regularization
from aac_tf.datasets import Clip, ClipList
from aac_tf.models import (
    AttentionDecoder,
    CaptioningModel,
    FixedVectorDecoder,
    LinearEncoder,
    SubsampledBiRNN,
    TransformerDecoder,
)
from aac_tf.models.loss import CaptionCrossentropy, position_weights
from aac_tf.models.mixup import word_mixtures
from aac_tf.runs import Run
from aac_tf.text import WordTokenizer
from aac_tf.training.self_critical import SelfCritical, clip_references
from aac_tf.training.trainer import train

VOCABULARY, END, MAX_WORDS, SAMPLES = 8, 2, 5, 3
FEATURES, LENGTH = tf.random.stateless_normal([2, 6, 4], [1, 2]), tf.constant([6, 4])
TOKENS = tf.constant([[[1, 4, 5, 6], [1, 7, 2, 0]], [[1, 6, 6, 2], [0, 0, 0, 0]]])
TARGETS = tf.constant([[[4, 5, 6, 2], [7, 2, 0, 0]], [[6, 6, 2, 0], [0, 0, 0, 0]]])
WEIGHTS = position_weights(TARGETS, tf.constant([[4, 2], [3, 0]]), positions=16)
REFERENCES = tf.constant([[[4, 5, 6, 2, -1, -1], [7, 2, -1, -1, -1, -1]], [[6, 6, 2, -1, -1, -1], [-1] * 6]])
ENCODERS = {
    "birnn": lambda: SubsampledBiRNN(4, 1, "gru"),
    "linear": lambda: LinearEncoder(units=4),
}
DECODERS = {
    "attention": lambda: AttentionDecoder(VOCABULARY, units=6, embedding=4, attention_units=5),
    "fixed_vector": lambda: FixedVectorDecoder(VOCABULARY, units=6),
    "transformer": lambda: TransformerDecoder(VOCABULARY, layers=1, units=8, heads=2, feedforward=8),
}


def make_model(encoder="birnn", decoder="attention"):
    tf.keras.utils.set_random_seed(3)
    model = CaptioningModel(ENCODERS[encoder](), DECODERS[decoder]())
    model({"features": FEATURES, "length": LENGTH, "tokens": TOKENS})
    return model


def count_of_word(word):
    """A reward: how often a caption contains a word."""
    return lambda captions, references: tf.reduce_sum(tf.cast(captions == word, tf.float32), -1)


def make_inputs(seed=5, clips=slice(None), **others):
    quantiles = tf.random.stateless_uniform([2, SAMPLES, MAX_WORDS + 1], [seed, 6])
    inputs = {
        "features": FEATURES,
        "length": LENGTH,
        "tokens": TOKENS,
        "references": REFERENCES,
        "quantiles": quantiles,
    }
    return {name: values[clips] for name, values in (inputs | others).items()}


def self_critical(reward=None, weight=0.75):
    return SelfCritical(reward or count_of_word(4), weight, END, MAX_WORDS, forbidden_ids=[0, 1, 3])


def weighted_loss(model, inputs, targets, weights):
    return CaptionCrossentropy()(targets, model(inputs), weights)


def test_the_loss_is_that_of_reinforce_and_the_cross_entropy():
    model, critic = make_model(), self_critical()
    inputs, targets, weights = critic(model, make_inputs(), TARGETS, WEIGHTS)
    assert targets.shape == weights.shape == inputs["tokens"].shape == (2, 2 + SAMPLES, MAX_WORDS + 1)
    captions = targets[:, 2:].numpy()
    np.testing.assert_array_equal(inputs["tokens"][:, 2:], np.insert(captions[..., :-1], 0, 1, axis=-1))
    assert not np.isin(captions, [0, 1, 3]).any()
    log_probs = tf.nn.log_softmax(model(inputs))[:, 2:].numpy()
    total, words = 0.0, 0
    for clip in range(2):
        rewards = [np.sum(caption == 4) for caption in captions[clip]]
        assert len(set(rewards)) > 1
        for sample, caption in enumerate(captions[clip]):
            count = min(list(caption).index(END) + 1, MAX_WORDS)
            others = np.mean(np.delete(rewards, sample))
            log_prob = sum(log_probs[clip, sample, place, caption[place]] for place in range(count))
            total, words = total - (rewards[sample] - others) * log_prob, words + count
    plain = {"features": FEATURES, "length": LENGTH, "tokens": TOKENS}
    expected = 0.75 * total / words + 0.25 * float(weighted_loss(model, plain, TARGETS, WEIGHTS))
    assert float(weighted_loss(model, inputs, targets, weights)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_rewarded_words_become_more_probable():
    model, critic = make_model("linear", "transformer"), self_critical(weight=1.0)
    model.self_critical = critic
    model.compile(tf.keras.optimizers.Adam(0.03), CaptionCrossentropy(), weighted_metrics=[])

    def share():
        quantiles = tf.random.stateless_uniform([2, 20, MAX_WORDS + 1], [1, 1])
        captions = critic.sample(model, FEATURES, LENGTH, tf.constant([1, 1]), quantiles)
        return float(tf.reduce_mean(tf.cast(captions == 4, tf.float32)))

    before = share()
    for seed in range(20):
        model.train_on_batch(make_inputs(seed), TARGETS, WEIGHTS)
    assert share() > max(2 * before, 0.5)


def test_a_cut_caption_is_not_rewarded_for_its_end():
    """The end of the longest captions is not drawn, but all that is left."""
    seen = []

    def reward(captions, references):
        seen.append(captions.numpy())
        return tf.zeros(captions.shape[:2])

    model = make_model()
    _, targets, _ = self_critical(reward)(model, make_inputs(), TARGETS, WEIGHTS)
    lengths = (targets[:, 2:].numpy() != END).sum(-1)
    assert (lengths == MAX_WORDS).any()
    assert (lengths < MAX_WORDS).any()
    np.testing.assert_array_equal((seen[0] == END).sum(-1), lengths < MAX_WORDS)
    np.testing.assert_array_equal((seen[0] >= 0).sum(-1), np.minimum(lengths + 1, MAX_WORDS))


def test_a_clip_is_sampled_alone_as_in_a_batch():
    model, critic = make_model(), self_critical()
    _, together, _ = critic(model, make_inputs(), TARGETS, WEIGHTS)
    inputs = make_inputs(clips=slice(1, 2))
    inputs["features"] = inputs["features"][:, :4]
    _, alone, _ = critic(model, inputs, TARGETS[1:], WEIGHTS[1:])
    np.testing.assert_array_equal(alone[0, 2:], together[1, 2:])


def test_rows_that_fill_up_a_batch_have_no_weight():
    model, critic = make_model(), self_critical()
    weights = WEIGHTS * tf.constant([[[1.0]], [[0.0]]])
    inputs, targets, weights = critic(model, make_inputs(), TARGETS, weights)
    assert not np.any(weights[1])
    alone = critic(model, make_inputs(clips=slice(0, 1)), TARGETS[:1], WEIGHTS[:1] / 2)
    expected, found = weighted_loss(model, *alone), weighted_loss(model, inputs, targets, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_label_smoothing_concerns_the_training_captions_only():
    model, critic = make_model(), self_critical()
    smooth, _ = word_mixtures(TARGETS, WEIGHTS, smoothing=0.1)
    _, plain, expected = critic(model, make_inputs(), TARGETS, WEIGHTS)
    _, targets, weights = critic(model, make_inputs(), smooth, WEIGHTS)
    np.testing.assert_array_equal(weights, expected)
    np.testing.assert_array_equal(targets[:, :2, :4], smooth)
    np.testing.assert_array_equal(targets[:, 2:], word_mixtures(plain[:, 2:], weights[:, 2:])[0])


@pytest.mark.parametrize(
    ("encoder", "decoder"), [("birnn", "attention"), ("linear", "fixed_vector"), ("linear", "transformer")]
)
def test_every_encoder_and_decoder_is_trained(encoder, decoder):
    model = make_model(encoder, decoder)
    model.self_critical = self_critical(weight=1.0)
    model.compile(tf.keras.optimizers.SGD(1.0), CaptionCrossentropy(), weighted_metrics=[], run_eagerly=True)
    before = [weight.numpy() for weight in model.trainable_weights]
    # Each caption is an example.
    model.train_on_batch(make_inputs(tokens=TOKENS[:, 0]), TARGETS[:, 0], WEIGHTS[:, 0])
    changed = [np.any(weight.numpy() != old) for weight, old in zip(model.trainable_weights, before)]
    assert np.mean(changed) > 0.8


def test_references_are_those_of_the_clip():
    """Without the `<END>` of captions of the maximum number of words, which may be cut."""
    texts = [["a dog", "a dog barks"], ["dog howls"], ["a dog barks loudly"]]
    clips = ClipList([Clip(f"{row}.wav", f"{row}.wav", captions, weight=2) for row, captions in enumerate(texts)])
    tokenizer = WordTokenizer(["<PAD>", "<START>", "<END>", "<UNK>", "a", "dog", "barks"], max_words=3)
    references = clip_references(clips, tokenizer)
    np.testing.assert_array_equal(
        references, [[[4, 5, 2, -1], [4, 5, 6, -1]], [[5, 3, 2, -1], [-1] * 4], [[4, 5, 6, -1], [-1] * 4]]
    )


def test_options_that_mix_or_replace_words_are_refused():
    tokenizer = WordTokenizer(["<START>", "<END>", "dog"])
    for other in ("mixup=0.2", "scheduled_sampling=0.1"):
        config = load_config(None, ["training.self_critical=0.9", f"training.{other}"])
        with pytest.raises(ConfigError, match=r"training\.mixup=0"):
            build_regularization(config, tokenizer)


def test_xla_needs_batches_of_a_known_size():
    tokenizer, options = WordTokenizer(["<START>", "<END>", "dog"]), ["training.self_critical=0.9", "training.xla=true"]
    with pytest.raises(ConfigError, match=r"data\.static_shapes=true"):
        build_regularization(load_config(None, options), tokenizer)
    assert build_regularization(load_config(None, [*options, "data.static_shapes=true"]), tokenizer) is not None


@pytest.mark.slow
def test_the_transformer_is_trained_under_xla():
    model = make_model("linear", "transformer")
    model.self_critical = self_critical(weight=1.0)
    model.compile(tf.keras.optimizers.SGD(1.0), CaptionCrossentropy(), weighted_metrics=[], jit_compile=True)
    data = tf.data.Dataset.from_tensors((make_inputs(), TARGETS, WEIGHTS))
    assert np.isfinite(model.fit(data, verbose=0).history["loss"]).all()


@pytest.mark.slow
def test_a_run_resumes_bit_for_bit(small, tmp_path):
    options = [*small, "training.self_critical=0.5", "training.self_critical_samples=2", "training.batch_size=8"]
    options += ["data.captions_per_clip=all", "encoder.layers=1", "training.label_smoothing=0.1", "decoder.dropout=0.2"]
    options += ["training.samples=0", "training.monitor=loss"]
    straight, halves = Run(tmp_path / "straight"), Run(tmp_path / "halves")
    train(load_config(None, [*options, "training.epochs=2"]), straight)
    train(load_config(None, [*options, "training.epochs=1"]), halves)
    train(load_config(None, [*options, "training.epochs=2"]), halves, resume=True)
    histories = [list(csv.DictReader((run.folder / "history.csv").open())) for run in (straight, halves)]
    for row, expected in zip(*histories, strict=True):
        assert {**row, "seconds": ""} == {**expected, "seconds": ""}
    one, other = (tf.train.load_checkpoint(str(run.last)) for run in (straight, halves))
    names = [name for name in one.get_variable_to_shape_map() if name.startswith(("model/", "optimizer/"))]
    assert any("_dropout" in name for name in names)
    for name in names:
        np.testing.assert_array_equal(one.get_tensor(name), other.get_tensor(name), name)
