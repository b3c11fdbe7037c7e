"""The contract of a metric."""

from __future__ import annotations

import dataclasses
from typing import Callable, ClassVar, Dict, Mapping, Optional, Tuple

import numpy as np

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.java.process import find_java


@dataclasses.dataclass(frozen=True)
class Score:
    """The scores of a set of captions by one measure.

    Confidence intervals and comparisons resample the items: they sum the statistics of the resampled items and
    aggregate the sum.

    Attributes:
        corpus: float, the corpus score; int for counts.
        per_item: float64 `[items]`, the score of each item; None if items have none.
        statistics: float64 `[items, n]`; the corpus score is a function of their sum over the items. None if it is not,
            or if `per_item` is None; then the score has no confidence interval and is not compared.
        aggregate: function from such sums float64 `[sets, n]` to corpus scores float64 `[sets]`; None without
            `statistics`.
        notes: `{row: str}`, what users should know about the score of an item.
    """

    corpus: float
    per_item: Optional[np.ndarray]
    statistics: Optional[np.ndarray] = None
    aggregate: Optional[Callable] = None
    notes: Dict[int, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def mean(cls, per_item, corpus=None, notes=None):
        """The `Score` of a measure whose corpus score is the mean of the item scores.

        Args:
            per_item: float sequence `[items]`.
            corpus: the corpus score, rounded as another implementation rounds it; None computes the mean.
            notes: see `Score`.

        Example:
            >>> from aac_tf.evaluation.metrics import Score
            >>> Score.mean([0.0, 1.0]).corpus
            0.5
        """
        per_item = np.asarray(per_item, "float64")
        statistics = np.stack([per_item, np.ones(len(per_item))], axis=1)
        corpus = np.mean(per_item) if corpus is None else corpus
        return cls(float(corpus), per_item, statistics, lambda sums: sums[:, 0] / sums[:, 1], notes or {})

    @classmethod
    def of_corpus(cls, corpus):
        """The `Score` of a measure without item scores, such as the size of the vocabulary of all captions.

        Args:
            corpus: float or int, the corpus score.
        """
        return cls(corpus, None)


class Metric:
    """Base class of the caption metrics.

    A new metric is a subclass in a file of its own and an entry in `aac_tf.evaluation.metrics.METRICS`. Everything
    else follows from there: `score_captions`, `aac-evaluate --metrics`, `training.monitor`, confidence intervals,
    comparisons.

    Attributes:
        name: str, the name in `METRICS`, on the command line and in `not_computed`; a Python identifier.
        requires: names of the metrics that this one is computed from. It is unavailable if one of them is.
        tokenized: bool, whether `score` expects captions split by the Stanford PTB tokenizer (lower case, no
            punctuation, words separated by single spaces), which needs Java. False passes the captions as they are.
        scores: names of the scores that `score` returns; empty if there is one, which is called like the metric.
        several: bool, whether `score` takes several captions per item, as a list of lists of str, best first. It is
            computed only if there are several.
        higher_is_better: bool, or None if the scores describe the captions without rating them.
        by_default: bool, whether it is computed if no metrics are requested by name.
        reports_progress: bool, whether `score` also takes the argument `progress`, which is None or a function
            `(what) -> (function (done, total))`. For metrics that can take minutes.
        uses_tensorflow: bool, whether `score` imports TensorFlow, whose start-up messages commands then hide.
        names: `{score name: usual name}` of scores whose own names leave open what they are; shown in tables.

    Example:
        >>> from aac_tf.evaluation.metrics import Metric, Score
        >>> class UniqueWords(Metric):
        ...     name = "unique_words"
        ...     tokenized = False
        ...
        ...     def score(self, predictions, references):
        ...         return {"unique_words": Score.mean([len(set(caption.split())) for caption in predictions])}
        >>> UniqueWords().score(["a dog and a cat", "rain"], [["dogs"], ["it rains"]])["unique_words"].corpus
        2.5
    """

    name: str
    requires: Tuple[str, ...] = ()
    tokenized: ClassVar[bool] = True
    scores: ClassVar[Tuple[str, ...]] = ()
    several: ClassVar[bool] = False
    higher_is_better: ClassVar[Optional[bool]] = True
    by_default: bool = True
    reports_progress: ClassVar[bool] = False
    uses_tensorflow: ClassVar[bool] = False
    names: ClassVar[Mapping[str, str]] = {}

    def score_names(self):
        """The names of the scores that `score` returns, a tuple of str."""
        return self.scores or (self.name,)

    def score(self, predictions, references, **required):
        """Scores captions.

        Args:
            predictions: list of str, one caption per item; it may be empty.
            references: list of lists of str, the references of each item.
            **required: the result of each metric in `requires`, as an argument of that metric's name.

        Returns:
            `{score name: Score}` with the names of `score_names`, items in the order of `predictions`.

        Raises:
            MetricError: if the computation fails.
        """
        raise NotImplementedError

    def start(self):
        """Starts in the background what takes long to start.

        It is called as soon as it is known that the metric will be computed, possibly long before `score`, and must
        return at once. `score` of such metrics is called last. The default does nothing.
        """

    def unavailable(self):
        """Why this machine cannot compute the metric and what to do about it, as str; None if it can.

        It is asked before anything is computed, so it must be fast. Unavailable metrics are skipped, with this reason,
        unless they were requested by name.
        """
        if self.tokenized:
            try:
                find_java()
            except MetricError as error:
                return str(error)
        return None
