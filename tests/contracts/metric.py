"""What every metric must pass."""

import contextlib
import copy
from unittest import mock

import numpy as np
import pytest

from aac_tf.evaluation import METRICS, Metric, MetricError, Score, missing_metrics, score_captions
from aac_tf.evaluation.scoring import compute_scores

# As the PTB tokenizer returns them, so that they are the same for metrics that take plain captions.
IDS = ["dog", "rain", "man", "bell"]
REFERENCES = [
    ["a dog barks twice", "a dog is barking at a man"],
    ["rain falls on a metal roof", "it rains"],
    ["a man speaks in a large room", "someone is talking"],
    ["a bell rings in the distance", "church bells toll"],
]
PERFECT = [texts[0] for texts in REFERENCES]
WRONG = ["zebras", "seven purple engines", "nothing", "violins"]
MIXED = [PERFECT[0], "rain falls", "a man is talking", WRONG[3]]


def check_metric(metric):
    """Checks that a metric fulfils the contract of `aac_tf.evaluation.Metric`.

    Args:
        metric: `Metric`. It does not have to be in `METRICS`, but what it requires does.
    """
    assert metric.name.isidentifier(), f"name {metric.name!r}"
    assert set(metric.requires) <= METRICS.keys()
    scores = _score(metric, MIXED)
    assert tuple(scores) == metric.score_names(), "`score` returns other scores than `scores` declares"
    _check_shapes(scores)
    _check_quality(metric, _score(metric, PERFECT), _score(metric, WRONG))
    _check_order(metric, scores)
    _check_independence(metric, scores)
    _check_scoring(metric, scores)
    _check_unavailable(metric)


def _score(metric, predictions, references=REFERENCES):
    predictions = [[text] for text in predictions] if metric.several else list(predictions)
    arguments = predictions, [list(texts) for texts in references]
    given = copy.deepcopy(arguments)
    required = {name: _score(METRICS[name], predictions, references) for name in metric.requires}
    scores = metric.score(*arguments, **required)
    assert arguments == given, "score modifies its arguments"
    return scores


def _check_shapes(scores):
    assert scores, "no scores"
    for name, score in scores.items():
        assert isinstance(name, str)
        assert isinstance(score.corpus, (int, float)), f"{name}: corpus must be a number"
        assert (score.statistics is None) == (score.aggregate is None), f"{name}: statistics without aggregate"
        assert set(score.notes) <= set(range(len(MIXED))), f"{name}: notes of items that do not exist"
        if score.per_item is None:
            assert score.statistics is None, f"{name}: statistics of items without scores"
            continue
        assert score.per_item.shape == (len(MIXED),), f"{name}: per_item has shape {score.per_item.shape}"
        assert score.per_item.dtype == np.float64
        assert np.isfinite(score.per_item).all()
        if score.statistics is None:
            continue
        assert score.statistics.shape[0] == len(MIXED), f"{name}: statistics have shape {score.statistics.shape}"
        assert score.statistics.ndim == 2
        total = score.statistics.sum(axis=0)
        corpus = score.aggregate(np.stack([total, total]))
        assert corpus.shape == (2,)
        np.testing.assert_allclose(
            corpus, score.corpus, atol=1e-9, err_msg=f"{name}: aggregate is not the corpus score"
        )


def _check_quality(metric, perfect, wrong):
    if metric.higher_is_better is None:
        return
    better, worse = (perfect, wrong) if metric.higher_is_better else (wrong, perfect)
    for name in perfect:
        assert better[name].corpus >= worse[name].corpus, f"{name}: wrong captions score better than perfect ones"
        if perfect[name].per_item is not None:
            assert (better[name].per_item >= worse[name].per_item).all(), f"{name}: a wrong caption scores better"


def _check_order(metric, scores):
    order = [2, 0, 3, 1]
    others = _score(metric, [MIXED[row] for row in order], [REFERENCES[row] for row in order])
    assert list(others) == list(scores)
    for name, score in scores.items():
        message = f"{name} depends on the order of the items"
        if score.per_item is not None:
            np.testing.assert_allclose(others[name].per_item, score.per_item[order], atol=1e-9, err_msg=message)
        np.testing.assert_allclose(others[name].corpus, score.corpus, atol=1e-9, err_msg=message)


def _check_independence(metric, scores):
    """An empty caption is scored, and changes no other item."""
    others = _score(metric, ["", *MIXED[1:]])
    for name, score in scores.items():
        assert np.isfinite(others[name].corpus)
        if score.per_item is None:
            continue
        assert np.isfinite(others[name].per_item[0])
        message = f"{name} of an item depends on another item's prediction"
        np.testing.assert_allclose(others[name].per_item[1:], score.per_item[1:], atol=1e-9, err_msg=message)


def _check_scoring(metric, scores):
    """`score_captions` gives the same scores, by the items' ids."""
    references = dict(zip(reversed(IDS), reversed(REFERENCES)))
    captions, several = dict(zip(IDS, MIXED)), {item: [text] for item, text in zip(IDS, MIXED)}
    with _registered(metric):
        found = compute_scores(captions, references, [metric.name], candidates=several)
        if metric.several:
            with pytest.raises(MetricError, match="needs several captions"):
                score_captions(captions, references, [metric.name])
    corpus, per_item = found.corpus(), found.per_item()
    assert list(corpus) == list(scores)
    assert list(per_item) == IDS
    for name, score in scores.items():
        assert corpus[name] == pytest.approx(score.corpus, abs=1e-9)
        if score.per_item is None:
            continue
        assert [per_item[item][name] for item in IDS] == pytest.approx(list(score.per_item), abs=1e-9)


def _check_unavailable(metric):
    """An unavailable metric is skipped, or refused with its reason if it is requested."""
    assert metric.unavailable() is None, "the check needs what the metric needs"
    captions = dict(zip(IDS, MIXED)), dict(zip(IDS, REFERENCES))
    names = set(_score(metric, MIXED))
    with _registered(metric), mock.patch.object(type(metric), "unavailable", return_value="there is no luck"):
        assert missing_metrics()[metric.name] == "there is no luck"
        with pytest.raises(MetricError, match="there is no luck"):
            score_captions(*captions, [metric.name])
        with mock.patch.dict(METRICS, {metric.name: metric, **_required(metric), "other": _Other()}, clear=True):
            corpus, _ = score_captions(*captions)
        assert not names & corpus.keys()
        assert "other" in corpus
    with _registered(metric):
        for part in metric.requires:
            with mock.patch.object(type(METRICS[part]), "unavailable", return_value="there is no part"):
                assert missing_metrics()[metric.name] == "there is no part"


class _Other(Metric):
    """A metric that is available although the one under test is not."""

    name = "other"
    tokenized = False

    def score(self, predictions, references):
        return {"other": Score.mean(np.zeros(len(predictions)))}


def _required(metric):
    """What a metric requires, also indirectly."""
    return {
        name: part
        for needed in metric.requires
        for name, part in [*_required(METRICS[needed]).items(), (needed, METRICS[needed])]
    }


@contextlib.contextmanager
def _registered(metric):
    with mock.patch.dict(METRICS, {metric.name: metric}):
        yield
