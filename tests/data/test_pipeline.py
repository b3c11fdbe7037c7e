"""Batches of training, validation and captioning."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import SpecAugment
from aac_tf.data.pipeline import (
    bucket_boundaries,
    clip_batches,
    make_examples,
    steps_per_epoch,
    training_batches,
    validation_batches,
)
from aac_tf.data.regularization import Regularization
from aac_tf.datasets import Clip, ClipList
from aac_tf.text import WordTokenizer

LENGTHS = [5, 12, 7, 30, 18, 6, 11]
BINS = 4
CAPTIONS = [["a dog barks"], ["rain", "it rains"], ["a bell"], ["wind blows"], ["a b c d e"], ["dog"], ["rain falls"]]


class ArrayFeatures:
    """Features whose frames are filled with the number of the clip."""

    lengths = np.array(LENGTHS)
    bins = BINS

    def load(self, index):
        return tf.ones([tf.gather(tf.constant(LENGTHS), index), BINS]) * (tf.cast(index, tf.float32) + 1)


@pytest.fixture(scope="module")
def clips():
    return ClipList([Clip(f"{k}.wav", f"{k}.wav", captions) for k, captions in enumerate(CAPTIONS)])


@pytest.fixture(scope="module")
def tokenizer():
    return WordTokenizer.from_captions([text for texts in CAPTIONS for text in texts], min_count=1, max_words=6)


BOUNDARIES = bucket_boundaries(LENGTHS, [8, 16, 99])


def masked(augment):
    """Function `(clip index, seed)` that loads a clip and augments it."""
    return lambda index, seed: augment(ArrayFeatures().load(index), seed)


def take_epoch(examples, epoch=0, **options):
    steps = steps_per_epoch(examples, ArrayFeatures(), BOUNDARIES, 2)
    dataset = training_batches(examples, ArrayFeatures(), BOUNDARIES, 2, first_epoch=epoch, **options)
    return list(dataset.take(steps).as_numpy_iterator())


def clips_and_tokens(batches):
    """(clip, tokens) of each example."""
    return [
        (int(features[0, 0]), tuple(tokens))
        for inputs, _, _ in batches
        for features, tokens in zip(inputs["features"], inputs["tokens"])
    ]


def test_buckets_end_with_the_longest_clip():
    assert BOUNDARIES == [8, 16, 30]


@pytest.mark.parametrize("captions_per_clip", ["one", "all"])
def test_an_epoch_has_each_example_once_in_its_bucket(clips, tokenizer, captions_per_clip):
    examples = make_examples(clips, tokenizer, captions_per_clip)
    batches = take_epoch(examples)
    assert sum(len(inputs["length"]) for inputs, _, _ in batches) == len(examples)
    for inputs, targets, weights in batches:
        length = inputs["length"]
        assert len(set(np.searchsorted(BOUNDARIES, length))) == 1
        assert inputs["features"].shape[1] == length.max()
        for features, frames in zip(inputs["features"], length):
            assert features[:frames].all()
            assert not features[frames:].any()
        assert targets.shape == weights.shape == inputs["tokens"].shape
    if captions_per_clip == "one":
        texts = sorted(
            text.decode() for inputs, _, _ in batches for text in tokenizer.detokenize(inputs["tokens"]).numpy()
        )
        assert texts == sorted(text for captions in CAPTIONS for text in captions)


def test_targets_are_the_next_words_and_weights_make_a_mean_over_words(clips, tokenizer):
    for inputs, targets, weights in take_epoch(make_examples(clips, tokenizer)):
        np.testing.assert_array_equal(inputs["tokens"][:, 1:], targets[:, :-1])
        assert (inputs["tokens"][:, 0] == tokenizer.start_id).all()
        is_word = targets != tokenizer.pad_id
        np.testing.assert_array_equal(weights > 0, is_word)
        losses = np.random.default_rng(0).normal(size=weights.shape)
        np.testing.assert_allclose((losses * weights).mean(), losses[is_word].mean(), rtol=1e-6)


def test_order_depends_only_on_seed_and_epoch(clips, tokenizer):
    examples = make_examples(clips, tokenizer)
    first, again = take_epoch(examples), take_epoch(examples)
    assert clips_and_tokens(first) == clips_and_tokens(again)
    assert clips_and_tokens(first) != clips_and_tokens(take_epoch(examples, epoch=1))
    assert clips_and_tokens(first) != clips_and_tokens(take_epoch(examples, seed=1))


def test_starting_at_an_epoch_continues_an_uninterrupted_run(clips, tokenizer):
    examples = make_examples(clips, tokenizer)
    augment = SpecAugment(max_frames=4, max_bins=2, probability=0.5)
    steps = steps_per_epoch(examples, ArrayFeatures(), BOUNDARIES, 2)
    uninterrupted = training_batches(examples, ArrayFeatures(), BOUNDARIES, 2, draw=masked(augment))
    late = list(uninterrupted.skip(2 * steps).take(steps).as_numpy_iterator())
    resumed = take_epoch(examples, epoch=2, draw=masked(augment))
    for (inputs, targets, _), (expected, expected_targets, _) in zip(resumed, late):
        np.testing.assert_array_equal(inputs["features"], expected["features"])
        np.testing.assert_array_equal(targets, expected_targets)


def test_augmentation_masks_training_clips_only(clips, tokenizer):
    examples = make_examples(clips, tokenizer, "all")
    augment = SpecAugment(max_frames=4, max_bins=2, probability=0.5, mask_value=-1.0)
    steps = steps_per_epoch(examples, ArrayFeatures(), BOUNDARIES, 2)
    batches = training_batches(examples, ArrayFeatures(), BOUNDARIES, 2, draw=masked(augment)).take(10 * steps)
    hidden = [
        (features[:frames] == -1).any()
        for inputs, _, _ in batches.as_numpy_iterator()
        for features, frames in zip(inputs["features"], inputs["length"])
    ]
    assert 0.2 < np.mean(hidden) < 0.8
    for batch in validation_batches(examples, ArrayFeatures(), 2):
        assert not (batch[0]["features"] == -1).numpy().any()


def test_static_shapes_are_few(clips, tokenizer):
    batches = take_epoch(make_examples(clips, tokenizer), static_shapes=True)
    assert {inputs["features"].shape[1] for inputs, _, _ in batches} == set(BOUNDARIES)
    assert {inputs["tokens"].shape[1] for inputs, _, _ in batches} == {tokenizer.max_words + 1}
    assert {len(inputs["length"]) for inputs, _, _ in batches} == {2}


def test_regularization_is_drawn_for_each_example(clips, tokenizer):
    """All words except the first may change, in training only, and a resumed run does the same."""
    examples = make_examples(clips, tokenizer, "all")
    options = {"word_dropout": 0.3, "unknown_id": tokenizer.unknown_id, "scheduled_sampling": 0.8, "sampling_epochs": 4}
    regularization = Regularization(masks=True, **options)
    batches = take_epoch(examples, 4, regularization=regularization)
    for (inputs, targets, weights), (expected, *same) in zip(batches, take_epoch(examples, 4), strict=True):
        changed = inputs["tokens"] != expected["tokens"]
        assert not changed[..., 0].any()
        assert (inputs["tokens"][changed] == tokenizer.unknown_id).all()
        for found, plain in zip((inputs["features"], targets, weights), (expected["features"], *same)):
            np.testing.assert_array_equal(found, plain)
    sampled = [inputs["sampled"] for inputs, _, _ in batches]
    assert any(words[..., 1:].any() for words in sampled)
    assert not any(words[..., 0].any() for words in sampled)
    start = {"first_epoch": 4, "first_step": 2, "static_shapes": True}
    late = training_batches(examples, ArrayFeatures(), BOUNDARIES, 2, regularization=regularization, **start)
    for (found, _, _), (expected, _, _) in zip(late.take(2).as_numpy_iterator(), batches[2:]):
        assert set(found) == {"features", "length", "tokens", "masks", "sampled", "quantile"}
        rows, width = len(expected["length"]), expected["tokens"].shape[-1]
        for name in ("tokens", "sampled", "quantile"):
            np.testing.assert_array_equal(found[name][:rows, :, :width], expected[name])
        np.testing.assert_array_equal(found["masks"][:rows], expected["masks"])


@pytest.mark.parametrize("captions_per_clip", ["one", "all"])
def test_self_critical_training_gets_the_references_of_the_clip(clips, tokenizer, captions_per_clip):
    examples = make_examples(clips, tokenizer, captions_per_clip)
    references = np.arange(1, len(clips) + 1)[:, np.newaxis, np.newaxis] * np.ones([1, 3, 7], int)
    options = {"references": references, "regularization": Regularization(samples=4), "static_shapes": True}
    drawn = []
    for inputs, _, _ in take_epoch(examples, **options):
        filled = inputs["features"][:, 0, 0] > 0
        np.testing.assert_array_equal(inputs["references"][filled, 0, 0], inputs["features"][filled, 0, 0])
        assert inputs["quantiles"].shape[1:] == (4, tokenizer.max_words + 1)
        drawn += [tuple(numbers.ravel()) for numbers in inputs["quantiles"][filled]]
    assert len(set(drawn)) == len(examples)  # clips that come several times are sampled anew


def test_words_are_changed_at_their_rates():
    """Scheduled sampling starts at 0 and rises linearly to its probability."""
    options = Regularization(word_dropout=0.3, unknown_id=3, scheduled_sampling=0.8, sampling_epochs=8)
    drawn = [options.draw([1, 2], tf.constant(epoch, tf.int64), [3000]) for epoch in (0, 4, 8, 20)]
    assert [x["sampled"].numpy().mean() for x in drawn] == pytest.approx([0, 0.4, 0.8, 0.8], abs=0.03)
    assert drawn[0]["dropped"].numpy().mean() == pytest.approx(0.3, abs=0.03)
    assert abs(np.corrcoef(drawn[1]["dropped"], drawn[1]["sampled"])[0, 1]) < 0.06


def test_mixup_pairs_clips_of_a_batch(clips, tokenizer):
    """Every clip has another one of its batch as partner; rows that fill up the batch are not mixed."""
    examples = make_examples(clips, tokenizer, "all")
    options = {"regularization": Regularization(mixup=0.4), "static_shapes": True}
    steps = steps_per_epoch(examples, ArrayFeatures(), BOUNDARIES, 3)
    dataset = training_batches(examples, ArrayFeatures(), BOUNDARIES, 3, **options)
    batches = list(dataset.take(2 * steps).as_numpy_iterator())
    shares = []
    for inputs, _, weights in batches:
        filled = weights.any(axis=(1, 2))
        count = filled.sum()
        assert sorted(inputs["partner"][filled]) == list(range(count))
        assert count == 1 or (inputs["partner"] != np.arange(len(filled)))[filled].all()
        assert (inputs["share"][~filled] == 1).all()
        np.testing.assert_array_equal(inputs["words"], (weights > 0).sum(-1))
        shares += inputs["share"][filled].tolist()
    assert len(set(shares)) > len(shares) / 2
    assert all(0.5 <= share <= 1 for share in shares)
    late = training_batches(examples, ArrayFeatures(), BOUNDARIES, 3, first_epoch=1, first_step=1, **options)
    for (found, _, _), (expected, _, _) in zip(late.take(steps - 1).as_numpy_iterator(), batches[steps + 1 :]):
        for name in ("partner", "share", "words"):
            np.testing.assert_array_equal(found[name], expected[name])


def test_starting_within_an_epoch_skips_its_first_batches(clips, tokenizer):
    examples = make_examples(clips, tokenizer)
    epoch_batches = take_epoch(examples)
    late = training_batches(examples, ArrayFeatures(), BOUNDARIES, 2, first_step=3).take(len(epoch_batches) - 3)
    assert clips_and_tokens(late.as_numpy_iterator()) == clips_and_tokens(epoch_batches[3:])


@pytest.mark.parametrize(("captions_per_clip", "static_shapes"), [("one", False), ("all", True)])
def test_a_share_of_the_examples_loses_its_style(captions_per_clip, static_shapes):
    texts = [text for captions in CAPTIONS for text in captions]
    tokenizer = WordTokenizer.from_captions(texts, min_count=1, max_words=6, styles=["terse", "wordy"])
    styles = [None, "terse", "wordy", "terse", "wordy", "unknown", "terse"]
    clips = ClipList([Clip(f"{k}.wav", "", CAPTIONS[k], style=style) for k, style in enumerate(styles)])
    examples = make_examples(clips, tokenizer, captions_per_clip)
    options = {"static_shapes": static_shapes, "start_id": tokenizer.start_id}

    def starts(epoch, **more):
        """[(clip, token before its caption)] and the words of an epoch."""
        batches = take_epoch(examples, epoch, **options, **more)
        rows = [
            (int(features[0, 0]) - 1, int(np.ravel(tokens)[0]))
            for inputs, _, _ in batches
            for features, tokens in zip(inputs["features"], inputs["tokens"])
            if features[0, 0]
        ]
        return rows, [targets.tolist() for _, targets, _ in batches]

    ids = [tokenizer.style_id(tokenizer.known_style(style)) for style in styles]
    plain, words = starts(0)
    assert len(set(ids)) == 3
    assert all(start == ids[clip] for clip, start in plain)
    lost = []
    for epoch in range(5):
        rows, targets = starts(epoch, style_dropout=0.5)
        assert (epoch > 0) or targets == words
        assert all(start in (ids[clip], tokenizer.start_id) for clip, start in rows)
        lost.append(tuple(clip for clip, start in rows if start != ids[clip]))
    # Half of 7 or 8 examples, of which two never had a style.
    assert all(1 <= len(clips) <= 4 for clips in lost)
    assert len(set(lost)) > 2
    assert {clip for clips in lost for clip in clips} == {1, 2, 3, 4, 6}
    late = training_batches(
        examples, ArrayFeatures(), BOUNDARIES, 2, first_epoch=3, first_step=2, style_dropout=0.5, **options
    )
    whole = take_epoch(examples, 3, style_dropout=0.5, **options)[2:]
    for (found, _, _), (expected, _, _) in zip(late.take(len(whole)).as_numpy_iterator(), whole):
        np.testing.assert_array_equal(found["tokens"], expected["tokens"])


@pytest.fixture(scope="module")
def epoch_of_three(clips, tokenizer):
    """Cached function that returns the batches of an epoch, with at most three examples each."""

    @functools.cache
    def epoch_of_three(captions_per_clip, static_shapes):
        examples = make_examples(clips, tokenizer, captions_per_clip)
        batches = training_batches(examples, ArrayFeatures(), BOUNDARIES, batch_size=3, static_shapes=static_shapes)
        return list(batches.take(steps_per_epoch(examples, ArrayFeatures(), BOUNDARIES, 3)).as_numpy_iterator())

    return epoch_of_three


@pytest.mark.parametrize("captions_per_clip", ["one", "all"])
@pytest.mark.parametrize("static_shapes", [False, True])
@pytest.mark.parametrize(("pipelines", "replicas"), [(1, 2), (2, 2), (2, 4)])
def test_replicas_get_equal_shares_of_batches(
    clips, tokenizer, epoch_of_three, captions_per_clip, static_shapes, pipelines, replicas
):
    """Each example comes once on all replicas together, and the mean over replicas is the mean over words."""
    epoch_batches = epoch_of_three(captions_per_clip, static_shapes)
    examples, steps = make_examples(clips, tokenizer, captions_per_clip), len(epoch_batches)
    options = {"batch_size": 3, "static_shapes": static_shapes}
    shares = []
    for pipeline in range(pipelines):
        context = tf.distribute.InputContext(pipelines, pipeline, replicas)
        dataset = training_batches(examples, ArrayFeatures(), BOUNDARIES, **options, context=context)
        mine = replicas // pipelines
        parts = list(dataset.take(steps * mine).as_numpy_iterator())
        shares += [parts[first::mine] for first in range(mine)]
    for step, (inputs, targets, weights) in enumerate(epoch_batches):
        parts = [share[step] for share in shares]
        assert len({part[2].shape for part in parts}) == 1
        # The loss of a word is its id here, so that missing and repeated words change the mean.
        expected = (targets * weights).mean()
        assert np.mean([(target * weight).mean() for _, target, weight in parts]) == pytest.approx(expected, rel=1e-6)
        found = sorted(int(row[0, 0]) for part, _, _ in parts for row in part["features"] if row[0, 0])
        assert found == sorted(int(row[0, 0]) for row in inputs["features"] if row[0, 0])


def test_clip_batches_have_each_clip_once_sorted_by_length():
    batches = list(clip_batches(ArrayFeatures(), 3).as_numpy_iterator())
    order = np.concatenate([batch["clip"] for batch in batches])
    assert order.tolist() == np.argsort(LENGTHS, kind="stable").tolist()
    assert [LENGTHS[clip] for clip in order] == np.concatenate([batch["length"] for batch in batches]).tolist()


def test_clips_come_once_on_all_workers_together():
    found = []
    for pipeline in range(2):
        context = tf.distribute.InputContext(2, pipeline, 2)
        for batch in clip_batches(ArrayFeatures(), 3, BOUNDARIES, True, context).as_numpy_iterator():
            assert batch["features"].shape[1] in BOUNDARIES
            found += [(clip, length) for clip, length in zip(batch["clip"], batch["length"]) if clip >= 0]
    assert sorted(found) == list(enumerate(LENGTHS))


def test_word_weights_scale_the_loss_of_words(clips, tokenizer):
    examples = make_examples(clips, tokenizer)
    word_weights = np.linspace(0.5, 1, tokenizer.vocabulary_size()).astype(np.float32)
    plain = list(validation_batches(examples, ArrayFeatures(), 4))
    weighted = list(validation_batches(examples, ArrayFeatures(), 4, word_weights))
    for (_, targets, expected), (_, _, weights) in zip(plain, weighted):
        np.testing.assert_allclose(weights, expected * word_weights[targets], rtol=1e-6)
