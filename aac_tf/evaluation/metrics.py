"""Caption metrics as the DCASE challenge computes them: PTB tokenization, pycocoevalcap's scorers, and SPICE."""

from __future__ import annotations

from typing import Dict, NamedTuple

from aac_tf.evaluation import scorers
from aac_tf.evaluation.java.process import MetricError, find_java
from aac_tf.evaluation.java.ptb import ptb_tokenize
from aac_tf.evaluation.java.spice import why_no_spice

# From tokenized references and predictions, both {row: list of captions}, to {score name: Score}; and the metrics that
# another one is made of.
METRICS = {
    "bleu": scorers.score_bleu,
    "rouge_l": scorers.score_rouge,
    "meteor": scorers.score_meteor,
    "cider": scorers.score_cider,
    "spice": scorers.score_spice_metric,
    "spider": scorers.mean_of_scores,
}
_PARTS = {"spider": ("cider", "spice")}


class Scores(NamedTuple):
    """Scores of a set of captions.

    Attributes:
        ids: list of the items' ids; rows of the scores' arrays.
        found: dict of score name to `scorers.Score`.
        not_computed: dict of metric name to why it is not among them.
    """

    ids: list
    found: Dict[str, scorers.Score]
    not_computed: Dict[str, str]

    def corpus(self):
        """Dict of score name to corpus score."""
        return {name: score.corpus for name, score in self.found.items()}

    def per_item(self):
        """Dict of id to dict of score name to that item's score."""
        columns = {name: score.per_item.tolist() for name, score in self.found.items()}
        return {item: {name: values[row] for name, values in columns.items()} for row, item in enumerate(self.ids)}


def score_captions(predictions, references, metrics=None):
    """Scores captions against references.

    Captions are tokenized by the Stanford PTB tokenizer and scored by pycocoevalcap: BLEU (Papineni et al., 2002),
    ROUGE-L (Lin, 2004), METEOR 1.5 (Denkowski & Lavie, 2014), CIDEr (Vedantam et al., 2015), SPICE (Anderson et al.,
    2016), SPIDEr (Liu et al., 2017).

    Args:
        predictions: dict of id to caption.
        references: dict of id to list of captions; it may hold more ids than `predictions`.
        metrics: names out of `METRICS`; None computes all but those that `missing_metrics` names.

    Returns:
        dict of score name to corpus score, and dict of id to dict of score name to that item's score. BLEU gives
        `bleu_1` ... `bleu_4`. What was not computed is in neither.

    Raises:
        ValueError: for an unknown metric, no predictions, or a prediction without references.
        MetricError: if a metric cannot be computed.
    """
    scores = compute_scores(
        predictions, references, METRICS.keys() - missing_metrics().keys() if metrics is None else metrics
    )
    return scores.corpus(), scores.per_item()


def missing_metrics():
    """The metrics that cannot be computed on this machine, as dict of metric name to why, and what to do."""
    reason = why_no_spice()
    return {"spice": reason, "spider": f"SPIDEr is the mean of CIDEr and SPICE, and {reason}"} if reason else {}


def check_metrics(metrics):
    """Raises what `score_captions` would raise for these names, before anything is computed."""
    unknown = [name for name in metrics or () if name not in METRICS]
    if unknown:
        raise ValueError(f"unknown metric {unknown[0]!r}; there are {', '.join(METRICS)}")
    missing = missing_metrics()
    for name in metrics or ():
        if name in missing:
            raise MetricError(missing[name])
    find_java()


def compute_scores(predictions, references, metrics=None, progress=None):
    """Scores captions as `score_captions` does, and keeps what intervals and comparisons are made from.

    Args:
        predictions: see `score_captions`.
        references: see `score_captions`.
        metrics: see `score_captions`; with None, a metric that fails is left out, too, and the others go on.
        progress: optional function `(done, total)`, of metrics.

    Returns:
        `Scores`.

    Raises:
        ValueError: see `score_captions`.
        MetricError: if a metric that was asked for by name, or the tokenizer, fails.
    """
    check_metrics(metrics)
    _check_captions(predictions, references)
    ids = list(predictions)
    tokenized, tokenized_references = _tokenize(
        [[predictions[item]] for item in ids], [references[item] for item in ids]
    )
    for row, item in enumerate(ids):
        if not any(tokenized_references[row]):
            raise ValueError(f"the references of {item!r} hold no words")
    found, not_computed = {}, missing_metrics() if metrics is None else {}
    wanted = [name for name in METRICS if name in (METRICS if metrics is None else metrics)]
    parts = {part for name in wanted if name not in not_computed for part in _PARTS.get(name, ())}
    due = [name for name in METRICS if name not in not_computed and name in parts.union(wanted)]
    for done, name in enumerate(due):
        if progress:
            progress(done, len(due))
        try:
            found.update(_compute(name, found, tokenized_references, tokenized))
        except MetricError as error:
            if metrics is not None:
                raise
            not_computed[name] = str(error)
    if progress:
        progress(len(due), len(due))
    for part in parts.difference(wanted):
        found.pop(part, None)
    return Scores(ids, found, not_computed)


def _compute(name, found, references, predictions):
    parts = _PARTS.get(name)
    if not parts:
        return METRICS[name](references, predictions)
    absent = [part for part in parts if part not in found]
    if absent:
        raise MetricError(f"it is made of {' and '.join(parts)}, and {absent[0]} was not computed")
    return {name: METRICS[name](*(found[part] for part in parts))}


def _check_captions(predictions, references):
    if not predictions:
        raise ValueError("there are no captions to score")
    missing = [item for item in predictions if not references.get(item)]
    if missing:
        raise ValueError(f"{len(missing)} predictions have no references, the first is {missing[0]!r}")


def _tokenize(*groups):
    """Tokenizes lists of lists of captions in one run of Java; each becomes a dict of row to list of captions."""
    words = iter(ptb_tokenize([text for group in groups for texts in group for text in texts]))
    return [{row: [next(words) for _ in texts] for row, texts in enumerate(group)} for group in groups]
