"""Confidence intervals and paired comparisons."""

import numpy as np
import pytest

from aac_tf.evaluation.confidence import compare_scores, confidence_intervals
from aac_tf.evaluation.metrics import METRICS
from aac_tf.evaluation.scoring import compute_scores

NOUNS = ["dog barks", "bell tolls", "man speaks", "car passes", "door closes", "bird sings"]
PLACES = ["in a room", "on the street", "far away", "near a river"]


def make_items(count, seed):
    rng = np.random.default_rng(seed)
    predictions, references = {}, {}
    for number in range(count):
        noun, place = NOUNS[rng.integers(6)], PLACES[rng.integers(4)]
        references[number] = [f"a {noun} {place}", f"the {noun} loudly {place}"]
        predictions[number] = f"a {noun} {PLACES[rng.integers(4)]}"
    return predictions, references


@pytest.fixture(scope="module")
def items():
    return make_items(60, 0)


@pytest.fixture(scope="module")
def scores(items):
    return compute_scores(*items, ["bleu", "rouge_l", "meteor", "cider"]).found


def test_statistics_of_all_items_give_the_corpus_score(scores):
    assert set(scores) == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "meteor", "cider"}
    for name, score in scores.items():
        total = score.statistics.sum(axis=0, keepdims=True)
        assert score.aggregate(total)[0] == pytest.approx(score.corpus, abs=1e-12), name


def test_statistics_of_some_items_give_their_corpus_score(items, scores):
    predictions, references = items
    rows = [0, 3, 3, 7, 21]  # a resample
    drawn = {place: predictions[row] for place, row in enumerate(rows)}
    found = compute_scores(drawn, {place: references[row] for place, row in enumerate(rows)}, ["bleu", "meteor"]).found
    for name, score in found.items():
        total = scores[name].statistics[rows].sum(axis=0, keepdims=True)
        assert scores[name].aggregate(total)[0] == pytest.approx(score.corpus, abs=1e-12), name


def test_intervals_of_means_agree_with_theory(scores):
    values = scores["rouge_l"].per_item
    half = 1.96 * values.std() / np.sqrt(len(values))
    low, high = confidence_intervals(scores, samples=4000)["rouge_l"]
    assert low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_intervals_contain_the_score_and_are_reproducible(scores):
    intervals = confidence_intervals(scores, samples=300)
    for name, (low, high) in intervals.items():
        assert low < scores[name].corpus < high, name
    assert confidence_intervals(scores, samples=300) == intervals


def test_a_difference_is_found_where_there_is_one(items, scores):
    predictions, references = items
    worse = {row: text if row % 3 else "a dog barks in the wind" for row, text in predictions.items()}
    others = compute_scores(worse, references, ["bleu", "rouge_l", "meteor", "cider"]).found
    for name, found in compare_scores(scores, others, samples=500).items():
        assert found.difference == pytest.approx(scores[name].corpus - others[name].corpus)
        assert 0 < found.low < found.difference < found.high, name
        assert found.p_value < 0.02
    for found in compare_scores(others, scores, samples=500).values():
        assert found.high < 0


def test_the_same_captions_do_not_differ(scores):
    for found in compare_scores(scores, scores, samples=100).values():
        assert found == (0, 0, 0, 1)


def test_chance_is_not_taken_for_a_difference():
    # Of two systems that are equally good on average, a p-value below 0.05 must be as rare as that.
    small, runs = 0, 200
    rng = np.random.default_rng(1)
    rouge = METRICS["rouge_l"].score(["a"], [["a"]])["rouge_l"]
    for _ in range(runs):
        first, second = (type(rouge)(*_mean(rng.normal(0.4, 0.1, 40)), rouge.aggregate) for _ in range(2))
        small += compare_scores({"m": first}, {"m": second}, samples=200)["m"].p_value < 0.05
    assert 2 <= small <= 22  # 10 expected


def _mean(values):
    return values.mean(), values, np.stack([values, np.ones(len(values))], axis=1)


def test_the_mean_of_two_scores_is_resampled_like_one(scores):
    parts = {"cider": {"cider": scores["cider"]}, "spice": {"spice": scores["rouge_l"]}}
    both = METRICS["spider"].score([], [], **parts)["spider"]
    assert both.corpus == pytest.approx((scores["rouge_l"].corpus + scores["cider"].corpus) / 2)
    low, high = confidence_intervals({"both": both})["both"]
    assert low < both.corpus < high


def test_different_items_cannot_be_paired(scores):
    few = compute_scores(*make_items(5, 1), ["rouge_l"]).found
    with pytest.raises(ValueError, match="cannot pair 60 items with 5"):
        compare_scores(scores, few)
