"""The contract of a metric: every metric fulfils it, broken ones do not, and a new one is a single class."""

import csv
import json
from typing import Optional

import numpy as np
import pytest
from contracts.metric import check_metric

from aac_tf.cli import evaluate
from aac_tf.evaluation import METRICS, Metric, MetricError, Score, missing_metrics, score_captions
from aac_tf.evaluation.confidence import compare_scores, confidence_intervals
from aac_tf.evaluation.scoring import compute_scores, default_metrics

REFERENCES = {"a.wav": ["a dog barks twice", "a dog"], "b.wav": ["rain falls on a roof"], "c.wav": ["a man speaks"]}
PREDICTIONS = {"c.wav": "a man", "a.wav": "a dog is barking", "b.wav": "Rain falls, hard."}


@pytest.mark.parametrize("name", METRICS)
def test_metrics_fulfil_the_contract(name, fake_spice, fense_weights):
    fake_spice()
    check_metric(METRICS[name])


def test_the_table_is_by_name():
    assert {name: metric.name for name, metric in METRICS.items()} == {name: name for name in METRICS}
    assert list(METRICS)[:6] == ["bleu", "rouge_l", "meteor", "cider", "spice", "spider"]
    assert {"sbert_sim", "fer", "fense", "spider_fl"} < METRICS.keys()


def test_metrics_that_are_not_of_the_challenge_are_computed_on_request_only(no_spice):
    of_fense = {"sbert_sim", "fer", "fense", "spider_fl"}
    assert default_metrics() == {"bleu", "rouge_l", "meteor", "cider", "spice", "spider", *of_fense}
    scores = compute_scores(PREDICTIONS, REFERENCES)
    assert set(scores.found) == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "meteor", "cider"}
    assert set(scores.not_computed) == {"spice", "spider", *of_fense}


class Length(Metric):
    """How well the length of a caption, in words, matches that of the closest reference."""

    name = "length"
    tokenized = False

    def score(self, predictions, references):
        counts = []
        for prediction, texts in zip(predictions, references):
            words = len(prediction.split())
            counts.append([words, min((len(text.split()) for text in texts), key=lambda length: abs(length - words))])
        counts = np.array(counts, "float64")
        per_item = _ratio(counts)
        return {"length": Score(float(_ratio(counts.sum(axis=0, keepdims=True))[0]), per_item, counts, _ratio)}


def _ratio(counts):
    return counts.min(axis=1) / counts.max(axis=1)


@pytest.fixture
def length(monkeypatch):
    """A new metric, whose registration is all that it needs; and no Java, which it does not need."""
    monkeypatch.setitem(METRICS, "length", Length())
    monkeypatch.setenv("AAC_TF_JAVA", "/no/such/java")


def test_a_new_metric_fulfils_the_contract():
    check_metric(Length())


def test_a_new_metric_is_scored_without_java(length):
    corpus, per_item = score_captions(PREDICTIONS, REFERENCES)
    assert corpus == {"length": pytest.approx(9 / 12)}
    assert per_item == {
        "c.wav": {"length": pytest.approx(2 / 3)},
        "a.wav": {"length": 1.0},
        "b.wav": {"length": pytest.approx(3 / 5)},
    }
    assert "length" not in missing_metrics()
    assert set(compute_scores(PREDICTIONS, REFERENCES).not_computed) == default_metrics() - {"length"}


def test_a_new_metric_has_confidence_intervals_and_comparisons(length):
    scores = compute_scores(PREDICTIONS, REFERENCES, ["length"]).found
    others = compute_scores({**PREDICTIONS, "a.wav": "dog"}, REFERENCES, ["length"]).found
    low, high = confidence_intervals(scores)["length"]
    assert 0.6 <= low < 0.75 < high <= 1
    assert compare_scores(scores, others)["length"].difference > 0


def test_a_new_metric_is_in_the_evaluate_command(length, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    columns = ["file_name", "caption_predicted"]
    for name, header, rows in (
        ("mine.csv", columns, PREDICTIONS.items()),
        ("other.csv", columns, {**PREDICTIONS, "a.wav": "dog"}.items()),
        ("references.csv", ["file_name", "caption_1"], [(name, texts[0]) for name, texts in REFERENCES.items()]),
    ):
        with open(name, "w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    files = ["--predictions", "mine.csv", "--references", "references.csv"]
    assert evaluate.main([*files, "--metrics", "length", "--confidence", "--versus", "other.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["corpus"]["length"] == pytest.approx(9 / 12)
    assert set(found["confidence_95"]) == {"length"}
    assert found["versus"]["differences"]["length"]["difference"] > 0
    assert evaluate.main(files) == 0
    out, err = capsys.readouterr()
    assert "length" in out
    assert err.count("metrics need Java") == 1
    with pytest.raises(SystemExit):
        evaluate.main(["--help"])
    assert " ".join(list(METRICS)[-2:]) in " ".join(capsys.readouterr().out.split())


class Sum(Metric):
    """The sum of two metrics, one of which is made of another one."""

    name = "sum"
    requires = ("length", "twice")
    tokenized = False

    def score(self, predictions, references, length, twice):
        return {"sum": Score.mean(length["length"].per_item + twice["twice"].per_item)}


class Twice(Metric):
    name = "twice"
    requires = ("length",)
    tokenized = False

    def score(self, predictions, references, length):
        return {"twice": Score.mean(2 * length["length"].per_item)}


def test_a_metric_may_require_metrics_that_come_later_and_require_others(monkeypatch):
    for metric in (Sum(), Twice(), Length()):
        monkeypatch.setitem(METRICS, metric.name, metric)
    check_metric(Sum())
    corpus, _ = score_captions(PREDICTIONS, REFERENCES, ["sum"])
    assert corpus == {"sum": pytest.approx(3 * (2 / 3 + 1 + 3 / 5) / 3)}
    monkeypatch.setattr(METRICS["length"], "unavailable", lambda: "no ruler", raising=False)
    assert [missing_metrics()[name] for name in ("sum", "twice", "length")] == ["no ruler"] * 3
    with pytest.raises(MetricError, match="no ruler"):
        score_captions(PREDICTIONS, REFERENCES, ["sum"])


class Broken(Metric):
    """The share of a caption's words that are in its references, with a fault."""

    name = "broken"
    tokenized = False

    def __init__(self, fault: Optional[str] = None):
        self.fault = fault

    def score(self, predictions, references):
        shares = []
        for prediction, texts in zip(predictions, references):
            words, known = prediction.split(), " ".join(texts).split()
            empty = 0 if self.fault == "empty captions" else 1
            shares.append(sum(word in known for word in words) / max(len(words), empty))
        if self.fault == "wrong captions":
            shares = [1 - share for share in shares]
        if self.fault == "order":
            shares = sorted(shares)
        if self.fault == "items":
            shares = list(np.array(shares) / (1 + sum(shares)))
        if self.fault == "arguments":
            references[0].append("a dog")
        score = Score.mean(shares)
        if self.fault == "statistics":
            score = Score(score.corpus, score.per_item, score.statistics, lambda sums: sums[:, 0])
        if self.fault == "per item":
            score = Score(score.corpus, score.per_item[:2], score.statistics[:2], score.aggregate)
        if self.fault == "corpus":
            score = Score(max(shares), score.per_item, score.statistics, score.aggregate)
        return {self.name: score}


def test_the_check_accepts_what_the_faults_break():
    check_metric(Broken())


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("wrong captions", "wrong captions score better"),
        ("order", "depends on the order"),
        ("items", "another item's prediction"),
        ("arguments", "modifies its arguments"),
        ("statistics", "aggregate is not the corpus score"),
        ("per item", "per_item has shape"),
        ("corpus", "aggregate is not the corpus score"),
        ("empty captions", "division by zero"),
    ],
)
def test_the_check_finds_faults(fault, message):
    with pytest.raises((AssertionError, ZeroDivisionError), match=message):
        check_metric(Broken(fault))


def test_the_check_finds_undeclared_scores_and_knows_scores_whose_lower_values_are_better():
    metric = Broken("wrong captions")
    metric.higher_is_better = False
    check_metric(metric)
    metric.scores = ("broken", "whole")
    with pytest.raises(AssertionError, match="other scores than"):
        check_metric(metric)


def test_the_check_finds_a_bad_name_and_a_requirement_that_is_not_there():
    metric = Broken()
    metric.name = "broken metric"
    with pytest.raises(AssertionError, match="name 'broken metric'"):
        check_metric(metric)
    metric.name, metric.requires = "broken", ("nothing",)
    with pytest.raises(AssertionError):
        check_metric(metric)
