"""Scoring captions with the metrics."""

from __future__ import annotations

import logging
from typing import Dict, NamedTuple

from aac_tf.evaluation.errors import MetricError, UndefinedError
from aac_tf.evaluation.java.ptb import ptb_tokenize
from aac_tf.evaluation.metrics import METRICS, SETS, Score

logger = logging.getLogger(__name__)


class Scores(NamedTuple):
    """Scores of a set of captions.

    Attributes:
        ids: list of the items' ids, in the order of the arrays in `found`.
        found: `{score name: Score}`.
        not_computed: `{metric name: reason}` of the metrics that are missing from `found`.
        undefined: names of those in `not_computed` that have no value for these captions.
    """

    ids: list
    found: Dict[str, Score]
    not_computed: Dict[str, str]
    undefined: frozenset = frozenset()

    def corpus(self):
        """The corpus scores as `{score name: score}`."""
        return {name: score.corpus for name, score in self.found.items()}

    def per_item(self):
        """The item scores as `{id: {score name: score}}`."""
        columns = {name: score.per_item.tolist() for name, score in self.found.items()}
        return {item: {name: values[row] for name, values in columns.items()} for row, item in enumerate(self.ids)}


def score_captions(predictions, references, metrics=None):
    """Scores captions against references, as the DCASE challenge does.

    Args:
        predictions: `{id: caption}`.
        references: `{id: [caption, ...]}`; ids that are not in `predictions` are ignored.
        metrics: names from `METRICS` and of sets from `SETS`. Of a set, and of all with None, those metrics are
            computed that are available, see `missing_metrics`.

    Returns:
        corpus: `{score name: score}`. Most metrics give one score of their own name; `bleu` gives `bleu_1` to
            `bleu_4`. Scores that are undefined for these captions, such as CIDEr of a single one, are missing.
        per_item: `{id: {score name: score}}`.

    Raises:
        ValueError: for an unknown metric, for no predictions, or for a prediction without references.
        MetricError: if a metric cannot be computed.

    Example:
        >>> from aac_tf.evaluation import score_captions
        >>> references = {"dog.wav": ["a dog barks", "a dog is barking"]}
        >>> corpus, per_item = score_captions({"dog.wav": "A dog barks."}, references, ["rouge_l"])
        >>> round(corpus["rouge_l"], 3)
        1.0
    """
    wanted, _ = requested(metrics)
    check_metrics(metrics)
    missing = missing_metrics()
    scores = compute_scores(predictions, references, [name for name in wanted if name not in missing])
    for name in missing if metrics else ():
        if name in wanted:
            logger.warning("%s was not computed: %s", name, missing[name])
    return scores.corpus(), scores.per_item()


def missing_metrics():
    """The metrics that this machine cannot compute, as `{metric name: reason and what to do}`."""
    return {name: reason for name in METRICS if (reason := _unavailable(name))}


def requested(metrics):
    """Resolves sets of metrics.

    Args:
        metrics: names from `METRICS` and `SETS`; None requests the default.

    Returns:
        wanted: list of names of metrics to compute, in the order of `METRICS`.
        named: those of them that were requested by their own name, as a set of str.

    Raises:
        ValueError: for an unknown metric.
    """
    if metrics is None:
        return [name for name, metric in METRICS.items() if metric.by_default], set()
    unknown = [name for name in metrics if name not in METRICS and name not in SETS]
    if unknown:
        raise ValueError(f"unknown metric {unknown[0]!r}; choose from {', '.join([*METRICS, *SETS])}")
    named = {name for name in metrics if name in METRICS}
    of_sets = {name for chosen in metrics if chosen in SETS for name in SETS[chosen].metrics}
    return [name for name in METRICS if name in named | of_sets], named


def check_metrics(metrics):
    """Raises what `compute_scores` would raise for these metrics, without computing anything.

    Args:
        metrics: names from `METRICS` and `SETS`, or None.

    Raises:
        ValueError: for an unknown metric.
        MetricError: if a metric that was requested by its own name is unavailable, or if all metrics are.
    """
    wanted, named = requested(metrics)
    missing = missing_metrics()
    for name in wanted:
        if name in missing and (name in named or missing.keys() >= set(wanted)):
            raise MetricError(missing[name])


def compute_scores(predictions, references, metrics=None, progress=None):
    """Scores captions like `score_captions`, and keeps what confidence intervals and comparisons need.

    Args:
        predictions: see `score_captions`.
        references: see `score_captions`.
        metrics: see `score_captions`. A metric that is unavailable or fails is reported in `Scores.not_computed`, and
            the others are computed, unless it was requested by its own name.
        progress: optional function `(done, total)`, which counts metrics.

    Returns:
        `Scores`.

    Raises:
        ValueError: see `score_captions`.
        MetricError: if the tokenizer or a metric that was requested by name fails.
    """
    check_metrics(metrics)
    _check_captions(predictions, references)
    wanted, named = requested(metrics)
    not_computed, named = missing_metrics(), set(_with_required(named))
    due = _with_required(name for name in wanted if name not in not_computed)
    captions = _prepare(predictions, references, {METRICS[name].tokenized for name in due})
    found, undefined = {}, set()
    for done, name in enumerate(due):
        if progress:
            progress(done, len(due))
        metric = METRICS[name]
        failed = [part for part in metric.requires if part in not_computed]
        if failed:
            not_computed[name] = not_computed[failed[0]]
            undefined.update({name} if failed[0] in undefined else ())
            continue
        try:
            found[name] = metric.score(*captions[metric.tokenized], **{part: found[part] for part in metric.requires})
        except UndefinedError as error:
            not_computed[name] = str(error)
            undefined.add(name)
        except MetricError as error:
            if name in named:
                raise
            not_computed[name] = str(error)
    if progress:
        progress(len(due), len(due))
    found = {name: score for metric in wanted for name, score in found.get(metric, {}).items()}
    not_computed = {name: reason for name, reason in not_computed.items() if name in wanted}
    return Scores(list(predictions), found, not_computed, frozenset(undefined))


def _unavailable(name):
    metric = METRICS[name]
    return metric.unavailable() or next(filter(None, map(_unavailable, metric.requires)), None)


def _with_required(names):
    """The metrics and all that they require, which come first."""
    ordered = {}
    for name in names:
        ordered.update(dict.fromkeys([*_with_required(METRICS[name].requires), name]))
    return list(ordered)


def _check_captions(predictions, references):
    if not predictions:
        raise ValueError("there are no captions to score")
    missing = [item for item in predictions if not references.get(item)]
    if missing:
        raise ValueError(f"{len(missing)} predictions have no references, the first is {missing[0]!r}")


def _prepare(predictions, references, forms):
    """Captions in the forms that metrics need, as `{tokenized: (predictions, references)}`."""
    plain = list(predictions.values()), [list(references[item]) for item in predictions]
    captions = {tokenized: _tokenize(*plain) if tokenized else plain for tokenized in forms}
    for _, texts in captions.values():
        for item, candidates in zip(predictions, texts):
            if not any(text.strip() for text in candidates):
                raise ValueError(f"the references of {item!r} contain no words")
    return captions


def _tokenize(predictions, references):
    """Tokenizes all captions in one run of Java."""
    words = iter(ptb_tokenize([*predictions, *(text for texts in references for text in texts)]))
    return [next(words) for _ in predictions], [[next(words) for _ in texts] for texts in references]
