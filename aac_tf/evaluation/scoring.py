"""Scoring captions with the metrics."""

from __future__ import annotations

import contextlib
import logging
from types import MappingProxyType
from typing import Dict, Mapping, NamedTuple

from aac_tf.evaluation.errors import MetricError, UndefinedError
from aac_tf.evaluation.java.ptb import ptb_tokenize
from aac_tf.evaluation.metrics import METRICS, SETS, Metric, Score
from aac_tf.utils.counting import counted

logger = logging.getLogger(__name__)


class Scores(NamedTuple):
    """Scores of a set of captions.

    Attributes:
        ids: list of the items' ids, in the order of the arrays in `found`.
        found: `{score name: Score}`.
        not_computed: `{metric name: reason}` of the metrics that are missing from `found`.
        undefined: names of those in `not_computed` that have no value for these captions.
        notes: `{score name: {id: what to know about the item's score}}`.
    """

    ids: list
    found: Dict[str, Score]
    not_computed: Dict[str, str]
    undefined: frozenset = frozenset()
    notes: Mapping[str, Dict[str, str]] = MappingProxyType({})

    def corpus(self):
        """The corpus scores as `{score name: score}`."""
        return {name: score.corpus for name, score in self.found.items()}

    def per_item(self):
        """The item scores as `{id: {score name: score}}`; those of all captions together are left out."""
        columns = {name: score.per_item.tolist() for name, score in self.found.items() if score.per_item is not None}
        return {item: {name: values[row] for name, values in columns.items()} for row, item in enumerate(self.ids)}


def score_captions(predictions, references, metrics=None):
    """Scores captions against references, as the DCASE challenge does.

    Args:
        predictions: `{id: caption}`.
        references: `{id: [caption, ...]}`; ids that are not in `predictions` are ignored.
        metrics: names from `METRICS` and of sets from `SETS`; None requests those with `Metric.by_default`. Of a set,
            and with None, the metrics are computed that are available, see `missing_metrics`.

    Returns:
        corpus: `{score name: score}`. Most metrics give one score of their own name; `bleu` gives `bleu_1` to
            `bleu_4`, and `cider` is CIDEr-D. Scores that are undefined for these captions, such as CIDEr-D of a single
            one, are missing.
        per_item: `{id: {score name: score}}`, without scores that only all captions together have.

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
    wanted, _ = requested_metrics(metrics)
    check_metrics(metrics)
    missing = missing_metrics()
    scores = compute_scores(predictions, references, [name for name in wanted if name not in missing])
    for name in missing if metrics else ():
        if name in wanted:
            logger.warning("%s was not computed: %s", name, missing[name])
    return scores.corpus(), scores.per_item()


def default_metrics():
    """Names of the metrics that are computed if none are requested by name, as a set."""
    return {name for name, metric in METRICS.items() if metric.by_default}


def missing_metrics():
    """The metrics that this machine cannot compute, as `{metric name: reason and what to do}`."""
    return {name: reason for name in METRICS if (reason := _unavailable(name))}


def requested_metrics(metrics):
    """Resolves sets of metrics.

    Args:
        metrics: names from `METRICS` and `SETS`; None requests the default.

    Returns:
        wanted: list of the names of the metrics to compute, in the order of `METRICS`.
        named: set of those that were requested by their own name.

    Raises:
        ValueError: for an unknown metric.
    """
    if metrics is None:
        return [name for name in METRICS if name in default_metrics()], set()
    unknown = [name for name in metrics if name not in METRICS and name not in SETS]
    if unknown:
        raise ValueError(f"unknown metric {unknown[0]!r}; choose from {', '.join([*METRICS, *SETS])}")
    named = {name for name in metrics if name in METRICS}
    of_sets = {name for chosen in metrics if chosen in SETS for name in SETS[chosen].metrics}
    return [name for name in METRICS if name in named | of_sets], named


def check_metrics(metrics, several=True):
    """Raises what `compute_scores` would raise for these metrics, without computing anything.

    Args:
        metrics: names from `METRICS` and `SETS`, or None.
        several: bool, whether there are several captions for an item.

    Raises:
        ValueError: for an unknown metric.
        MetricError: if a metric that was requested by its own name is unavailable, or if all metrics are.
    """
    wanted, named = requested_metrics(metrics)
    missing = missing_metrics()
    for name in wanted:
        if name in missing and (name in named or missing.keys() >= set(wanted)):
            raise MetricError(f"{name} cannot be computed: {missing[name]}")
        if METRICS[name].several and not several:
            raise MetricError(
                f"{name} needs several captions for each file, but there is one: use --beam 2 or more, or give "
                "predictions in columns caption_predicted, caption_predicted_2, ... or as printed by aac-caption --json"
            )


def needs_tensorflow(metrics):
    """Whether computing these metrics, as far as they are available, imports TensorFlow.

    Args:
        metrics: names from `METRICS` and `SETS`, or None.
    """
    missing = missing_metrics()
    due = _with_required(name for name in requested_metrics(metrics)[0] if name not in missing)
    return any(METRICS[name].uses_tensorflow for name in due)


def start_metrics(metrics):
    """Starts what takes long to start, such as METEOR, while captions are still being made.

    Args:
        metrics: names from `METRICS` and `SETS`, or None.
    """
    missing = missing_metrics()
    for name in _with_required(requested_metrics(metrics)[0]):
        if name not in missing:
            with contextlib.suppress(MetricError):  # the metric will raise it again
                METRICS[name].start()


def compute_scores(predictions, references, metrics=None, progress=None, candidates=None):
    """Scores captions like `score_captions`, and keeps what confidence intervals and comparisons need.

    Args:
        predictions: see `score_captions`.
        references: see `score_captions`.
        metrics: see `score_captions`. A metric that is unavailable or fails is reported in `Scores.not_computed`, and
            the others are computed, unless it was requested by its own name.
        progress: optional function `(what) -> (function (done, total))`, for each of several progress bars.
        candidates: `{id: [caption, ...]}`, several captions for the ids in `predictions`, best first, for the metrics
            that take several; None if there is only one.

    Returns:
        `Scores`.

    Raises:
        ValueError: see `score_captions`.
        MetricError: if the tokenizer or a metric that was requested by name fails.
    """
    check_metrics(metrics, several=candidates is not None)
    _check_captions(predictions, references)
    wanted, named = requested_metrics(metrics)
    missing, named = missing_metrics(), set(_with_required(named))
    not_computed = {name: missing[name] for name in wanted if name in missing}
    due = _in_order(name for name in wanted if name not in not_computed)
    start_metrics(due)
    captions = _prepare(predictions, references, candidates, {METRICS[name].tokenized for name in due})
    update = progress("Scoring") if progress else lambda done, total: None
    found, undefined = {}, set()
    for done, name in enumerate(due):
        update(done, len(due))
        metric = METRICS[name]
        failed = [part for part in metric.requires if part in not_computed]
        if failed:
            not_computed[name] = not_computed[failed[0]]
            undefined.update({name} if failed[0] in undefined else ())
            continue
        best, texts, several = captions[metric.tokenized]
        extra = {"progress": progress} if metric.reports_progress else {}
        extra.update({part: found[part] for part in metric.requires})
        try:
            found[name] = metric.score(several if metric.several else best, texts, **extra)
        except UndefinedError as error:
            not_computed[name] = str(error)
            undefined.add(name)
        except MetricError as error:
            if name in named:
                raise
            not_computed[name] = str(error)
    update(len(due), len(due))
    found = {name: score for metric in wanted for name, score in found.get(metric, {}).items()}
    not_computed = {name: reason for name, reason in not_computed.items() if name in wanted}
    ids = list(predictions)
    notes = {
        name: {ids[row]: note for row, note in score.notes.items()} for name, score in found.items() if score.notes
    }
    return Scores(ids, found, not_computed, frozenset(undefined), notes)


def _unavailable(name):
    metric = METRICS[name]
    return metric.unavailable() or next(filter(None, map(_unavailable, metric.requires)), None)


def _with_required(names):
    """The metrics and all that they require, which come first."""
    ordered = {}
    for name in names:
        ordered.update(dict.fromkeys([*_with_required(METRICS[name].requires), name]))
    return list(ordered)


def _in_order(names):
    """The metrics and all that they require; those that were started in the background come as late as possible."""
    return _with_required(sorted(names, key=lambda name: type(METRICS[name]).start is not Metric.start))


def _check_captions(predictions, references):
    if not predictions:
        raise ValueError("there are no captions to score")
    missing = [item for item in predictions if not references.get(item)]
    if missing:
        raise ValueError(f"{counted(len(missing), 'prediction')} without references, the first is {missing[0]!r}")


def _prepare(predictions, references, candidates, forms):
    """Captions in the forms that metrics need, as `{tokenized: (predictions, references, several predictions)}`."""
    several = [list(candidates[item]) if candidates else [] for item in predictions]
    plain = list(predictions.values()), [list(references[item]) for item in predictions], several
    captions = {tokenized: _tokenize(*plain) if tokenized else plain for tokenized in forms}
    for _, texts, _ in captions.values():
        for item, own in zip(predictions, texts):
            if not any(text.strip() for text in own):
                raise ValueError(f"the references of {item!r} contain no words")
    return captions


def _tokenize(predictions, references, several):
    """Tokenizes all captions in one run of Java."""
    groups = [predictions, *references, *several]
    words = iter(ptb_tokenize([text for group in groups for text in group]))
    predictions, *others = [[next(words) for _ in group] for group in groups]
    return predictions, others[: len(references)], others[len(references) :]
