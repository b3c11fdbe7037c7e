"""Scoring captions with the metrics."""

import json
import re

import pytest

from aac_tf.evaluation import METRICS, MetricError, score_captions
from aac_tf.evaluation.java.meteor import PROGRAM
from aac_tf.evaluation.java.ptb import ptb_tokenize
from aac_tf.evaluation.scoring import compute_scores

FENSE = {"sbert_sim", "fer", "fense", "spider_fl"}  # not available: there are no weights
ALL = ["bleu", "rouge_l", "meteor", "cider"]
BESIDE = {"first": ["a dog barks twice", "a dog is barking"], "last": ["rain falls on a roof", "it rains"]}
LONG = " ".join(["a dog barks while rain falls on the roof and wind blows through trees as people talk"] * 30)


def test_tokenizer_keeps_captions_apart():
    captions = ["A dog barks, twice.", "two\nlines", "", "it's loud!", "crème 🎵 brûlée"]
    assert ptb_tokenize(captions) == ["a dog barks twice", "two lines", "", "it 's loud", "crème brûlée"]


def test_right_captions_score_higher_than_wrong_ones():
    references = {"a": ["a dog barks twice", "a dog is barking"], "b": ["rain falls on a roof", "it rains"]}
    right, per_item = score_captions({"a": "a dog barks twice", "b": "rain falls on a roof"}, references, ALL)
    assert right["bleu_4"] == pytest.approx(1)
    assert right["rouge_l"] == pytest.approx(1)
    assert set(per_item) == {"a", "b"}
    assert set(per_item["a"]) == set(right)
    swapped, _ = score_captions({"a": "rain falls on a roof", "b": "a dog barks twice"}, references, ALL)
    assert all(swapped[name] < right[name] for name in right)


def test_items_keep_their_own_scores():
    references = {"x": ["a dog barks"], "y": ["rain falls on a roof"]}
    _, per_item = score_captions({"y": "rain falls on a roof", "x": "a cat meows"}, references, ["rouge_l"])
    assert per_item["y"]["rouge_l"] == pytest.approx(1)
    assert per_item["x"]["rouge_l"] < 0.5


def test_cider_of_a_single_clip_is_undefined():
    predictions, references = {"x": "a dog barks"}, {"x": ["a dog barks"]}
    scores = compute_scores(predictions, references, ["rouge_l", "cider"])
    assert list(scores.found) == ["rouge_l"]
    assert scores.not_computed == {"cider": "CIDEr-D is undefined for a single clip: score at least two"}
    assert scores.undefined == {"cider"}
    assert set(score_captions(predictions, references, ["rouge_l", "cider"])[0]) == {"rouge_l"}


@pytest.mark.parametrize(
    ("predictions", "metrics", "message"),
    [
        ({}, None, "no captions"),
        ({"z": "a"}, None, "without references.*'z'"),
        ({"x": "a"}, ["blue"], "unknown metric 'blue'"),
    ],
)
def test_mistakes_are_refused(predictions, metrics, message):
    with pytest.raises(ValueError, match=message):
        score_captions(predictions, {"x": ["a dog"]}, metrics)


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        ("a dog\nbarks\r\nloudly\u2028", "a dog barks loudly"),
        ('a "dog" barks, \u2018loudly\u2019!', "a dog barks loudly"),
        ("a dog barks \U0001f3b5 loudly", "a dog barks loudly"),
        ("a dog barks \ud83d loudly", "a dog barks loudly"),  # half of an emoji
        ("*NL* a dog barks\x00 loudly", "* nl * a dog barks loudly"),  # *NL* is the tokenizer's symbol for a newline
        ("", ""),
        ("  \n ", ""),
        ("a dog ||| barks ||| loudly", "a dog | | | barks | | | loudly"),  # METEOR's separator of captions
        ("crème brûlée", "crème brûlée"),
        ("0,5 dogs bark 1.5 times", "0,5 dogs bark 1.5 times"),
        (LONG, LONG.upper()),
    ],
)
def test_odd_captions_score_like_plain_ones_and_leave_other_items_alone(odd, plain):
    expected, _ = _score_between(plain, "a dog barks loudly")
    found, as_reference = _score_between(odd, odd)
    right = expected["odd"] if plain else dict.fromkeys(expected["odd"], 0)
    assert found["odd"] == pytest.approx(right, abs=1e-7)
    for item in BESIDE:
        assert found[item] == pytest.approx(expected[item])
        assert as_reference[item] == pytest.approx(expected[item])


def _score_between(odd, reference):
    """Item scores with the odd caption as prediction, and as a reference; without CIDEr, which depends on all items."""
    predictions = {"first": "a dog barks", "odd": odd, "last": "rain falls on a roof"}
    references = {"first": BESIDE["first"], "odd": ["a dog barks loudly", "a loud dog"], "last": BESIDE["last"]}
    _, found = score_captions(predictions, references, ["bleu", "rouge_l", "meteor"])
    predictions["odd"], references["odd"] = "a dog barks", ["a dog barks loudly", reference]
    return found, score_captions(predictions, references, ["bleu", "rouge_l", "meteor"])[1]


def test_separators_in_captions_do_not_mislead_meteor():
    assert PROGRAM.count("a |||dog ||||||", ["a dog|||barks", "||||"]) == PROGRAM.count("a dog", ["a dogbarks", "|"])


def test_very_long_captions():
    captions = {"long": LONG, "short": "a dog barks"}
    _, found = score_captions(captions, {"long": [LONG, "a dog"], "short": ["a dog barks"]}, ALL)
    assert len(LONG.split()) >= 500
    assert found["long"]["bleu_4"] == pytest.approx(1)
    assert found["long"]["meteor"] == pytest.approx(1, abs=1e-3)


def test_references_without_words_are_refused():
    with pytest.raises(ValueError, match="references of 'x' contain no words"):
        score_captions({"x": "a dog"}, {"x": ["...", ""]}, ["bleu"])


def test_meteor_starts_once():
    PROGRAM.count("a dog", ["a dog"])
    program = PROGRAM._program
    score_captions({"x": "a dog"}, {"x": ["a dog"]}, ["meteor"])
    assert PROGRAM._program is program
    PROGRAM.close()
    assert not program.usable


def test_other_metrics_are_computed_when_one_fails(fake_java, no_spice):
    captions, references = {"x": "a dog", "y": "rain"}, {"x": ["a dog"], "y": ["it rains"]}
    PROGRAM.close()
    fake_java(
        "if 'Meteor' in arguments: sys.exit('Exception in thread main java.lang.OutOfMemoryError')\n"
        "os.execv(java, [java, *arguments])\n"
    )
    with pytest.raises(MetricError, match="METEOR ran out of memory"):
        score_captions(captions, references)
    scores = compute_scores(captions, references)
    assert set(scores.corpus()) == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider"}
    assert set(scores.not_computed) == {"meteor", "spice", "spider", *FENSE}
    assert scores.not_computed["spider"] == scores.not_computed["spice"]
    assert scores.not_computed["meteor"].startswith("METEOR ran out of memory; set AAC_TF_JAVA_HEAP")


def test_an_answer_that_is_not_a_number_is_refused(fake_java):
    PROGRAM.close()
    fake_java("for line in sys.stdin: print('0,5 0,5', flush=True)")
    with pytest.raises(MetricError, match="METEOR answered '0,5 0,5', expected 23 numbers"):
        PROGRAM.count("a dog", ["a dog"])
    assert PROGRAM._program is None


def test_a_metric_made_of_a_failed_one_fails_for_the_same_reason(fake_java, spice_jars, monkeypatch):
    monkeypatch.setattr(METRICS["meteor"], "by_default", False)  # it takes long to start
    fake_java(
        "if 'SpiceProgram' in arguments: sys.exit('Exception in thread main a.b.CException: no')\n"
        "os.execv(java, [java, *arguments])\n"
    )
    scores = compute_scores({"x": "a dog", "y": "rain"}, {"x": ["a dog"], "y": ["it rains"]})
    assert set(scores.not_computed) == {"spice", "spider", *FENSE}
    assert scores.not_computed["spider"] == scores.not_computed["spice"]
    assert "a.b.CException" in scores.not_computed["spice"]


def test_nothing_can_be_scored_without_java(monkeypatch):
    monkeypatch.setenv("AAC_TF_JAVA", "/no/such/java")
    captions = {"x": "a dog"}, {"x": ["a dog"]}
    for call in (score_captions, compute_scores):
        for metrics in (None, ["rouge_l"]):
            with pytest.raises(
                MetricError, match="metrics need Java, but there is no java executable at /no/such/java"
            ):
                call(*captions, metrics)


@pytest.mark.real_data
@pytest.mark.slow
def test_published_scores_are_reproduced(real_data):
    folder = real_data / "golden_metrics"
    predictions, references = {}, {}
    for block in re.split(r"----- File \d+ -----\n", (folder / "generated_captions_beam.txt").read_text())[1:]:
        item = f"{len(predictions):05d}"
        truth, predictions[item] = block.split("Pred:")
        references[item] = [line.strip() for line in truth.splitlines()[1:] if line.strip()]
    corpus, per_item = score_captions(predictions, references, ALL)
    published = json.loads((folder / "metrics_coco_beam.json").read_text())
    assert len(per_item) == 1045
    for name, score in corpus.items():
        assert score == pytest.approx(published[name]["score"], abs=1e-9), name
        for item, expected in published[name]["scores"].items():
            assert per_item[item][name] == pytest.approx(expected, abs=1e-9), (item, name)
