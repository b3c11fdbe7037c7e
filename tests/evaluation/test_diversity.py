"""Statistics of captions, plain CIDEr and SPIDEr-max, against values computed by hand."""

import math

import pytest

from aac_tf.evaluation import METRICS, MetricError
from aac_tf.evaluation.confidence import compare_scores, confidence_intervals
from aac_tf.evaluation.scoring import compute_scores

REFERENCES = {"x": ["a dog barks", "the dog is barking"], "y": ["rain falls on a roof"], "z": ["wind blows"]}


def test_diversity_and_length():
    predictions = {"x": "A dog barks.", "y": "a dog barks", "z": "rain"}
    scores = compute_scores(predictions, REFERENCES, ["vocabulary", "distinct", "mean_length"])
    assert scores.corpus() == {
        "vocabulary": 4,
        "distinct_1": pytest.approx(4 / 7),  # a, dog, barks, rain of 7 words
        "distinct_2": pytest.approx(2 / 4),  # "a dog" and "dog barks", twice each; no pair crosses captions
        "mean_length": pytest.approx(7 / 3),
    }
    assert scores.per_item() == {"x": {"mean_length": 3}, "y": {"mean_length": 3}, "z": {"mean_length": 1}}
    # A resample of captions has fewer different words, so that intervals would not even contain the value.
    assert set(confidence_intervals(scores.found)) == {"mean_length"}
    assert set(compare_scores(scores.found, scores.found)) == {"mean_length"}


def test_captions_without_words_have_no_diversity():
    scores = compute_scores({"x": "", "y": "..."}, REFERENCES, ["vocabulary", "distinct", "mean_length"])
    assert set(scores.corpus().values()) == {0}


def test_plain_cider_by_hand():
    # Two items; in the references, "a" is in both (weight log 1 = 0), "dog", "a dog" and so on in one (log 2).
    references = [["a dog", "a cat sleeps"], ["a bell"]]
    scores = METRICS["cider_plain"].score(["a dog dog", "a dog"], references)["cider_plain"].per_item
    # Unigrams of "a dog dog": dog counts twice, which a cosine does not see: 1 with "a dog", 0 with "a cat sleeps".
    # Bigrams: (a dog, dog dog) and (a dog): 1 / sqrt 2, "dog dog" in no reference weighs log 2. No longer ones match.
    assert scores[0] == pytest.approx(10 * (1 + 1 / math.sqrt(2)) / 4 / 2)
    assert scores[1] == 0


def test_plain_cider_is_neither_clipped_nor_sensitive_to_length():
    references = [["a dog barks"], ["rain falls"]]
    (plain, _), (cider_d, _) = (
        METRICS[name].score(["dog dog dog dog", "rain"], references)[name].per_item for name in ("cider_plain", "cider")
    )
    assert plain == pytest.approx(10 / math.sqrt(3) / 4)
    # The reference has "dog" once, so that one of four counts, and a Gaussian (sigma 6) of the length on top.
    assert cider_d == pytest.approx(plain / 4 * math.exp(-(2**2) / 72), rel=0.2)
    assert cider_d < plain / 4 + 1e-9
    same = METRICS["cider_plain"].score(["a dog barks", "rain falls"], references)["cider_plain"]
    assert same.corpus == pytest.approx(10 * (3 / 4 + 2 / 4) / 2)  # no 4-grams; no trigrams in the second


def test_spider_max_is_that_of_the_best_caption(fake_spice):
    fake_spice({"a dog": 0.5, "the dog": 0.75, "rain falls": 1.0, "wind": 0.25, "hail": 0})
    candidates = {"x": ["a dog", "the dog"], "y": ["hail", "rain falls", "wind"], "z": ["wind"]}
    best = {"x": "the dog", "y": "rain falls", "z": "wind"}
    first = {item: texts[0] for item, texts in candidates.items()}
    found = compute_scores(first, REFERENCES, ["spider", "spider_max"], candidates=candidates)
    oracle = compute_scores(best, REFERENCES, ["spider"])
    assert found.corpus()["spider_max"] == pytest.approx(oracle.corpus()["spider"])
    assert [found.per_item()[item]["spider_max"] for item in "xyz"] == pytest.approx(
        [oracle.per_item()[item]["spider"] for item in "xyz"]
    )
    assert found.corpus()["spider"] == pytest.approx(compute_scores(first, REFERENCES, ["spider"]).corpus()["spider"])
    assert found.corpus()["spider"] < found.corpus()["spider_max"]


def test_spider_max_names_the_caption_that_is_too_long(fake_spice):
    fake_spice()
    candidates = {"x": ["a dog", "dog " * 101], "y": ["rain"]}
    found = compute_scores({"x": "a dog", "y": "rain"}, REFERENCES, ["spider_max"], candidates=candidates)
    assert found.notes == {"spider_max": {"x": "caption 2: the caption has 101 words, more than 100: it scores 0"}}


def test_spider_max_needs_several_captions(fake_spice):
    fake_spice()
    with pytest.raises(MetricError, match=r"spider_max needs several captions for each file.*--beam 2.*aac-caption"):
        compute_scores({"x": "a dog", "y": "rain"}, REFERENCES, ["spider_max"])
