"""Statistics of scores: bootstrap confidence intervals and the paired comparison of two sets of captions."""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

import numpy as np

from aac_tf.evaluation.metrics import Score

LEVEL = 0.95
SAMPLES = 1000


class Comparison(NamedTuple):
    """The difference between two sets of captions in one score.

    Attributes:
        difference: corpus score of the first set minus that of the second.
        low: lower end of the 95 % confidence interval of the difference.
        high: upper end of the interval.
        p_value: two-sided; the share of resamples whose difference is at least as far from the mean difference as the
            measured one is from zero.
    """

    difference: float
    low: float
    high: float
    p_value: float


def confidence_intervals(
    scores: Dict[str, Score], samples: int = SAMPLES, seed: int = 0
) -> Dict[str, Tuple[float, float]]:
    """Computes 95 % confidence intervals of corpus scores, by the percentile bootstrap.

    Items are resampled with replacement, and the corpus score of a resample is computed from its items' statistics.
    The n-gram weights of CIDEr-D are not recomputed; they remain those of all items.

    Args:
        scores: `{score name: Score}`, as in `Scores.found`.
        samples: number of resamples.
        seed: seed of the resampling.

    Returns:
        `{score name: (low, high)}`, without scores that have no statistics.

    Example:
        >>> from aac_tf.evaluation.confidence import confidence_intervals
        >>> from aac_tf.evaluation.metrics import Score
        >>> low, high = confidence_intervals({"score": Score.mean([0.1, 0.4, 0.7])})["score"]
        >>> 0.1 <= low < 0.4 < high <= 0.7
        True

    Reference:
        B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall 1993
    """
    return {
        name: _interval(_resample(score, samples, seed))
        for name, score in scores.items()
        if score.statistics is not None
    }


def compare_scores(
    scores: Dict[str, Score], others: Dict[str, Score], samples: int = SAMPLES, seed: int = 0
) -> Dict[str, Comparison]:
    """Compares two sets of captions for the same items by the paired bootstrap.

    Both sets are resampled with the same items, so that items which are difficult for both do not hide the difference.

    Args:
        scores: `{score name: Score}`.
        others: scores of the other captions, for the same items in the same order.
        samples: number of resamples.
        seed: seed of the resampling.

    Returns:
        `{score name: Comparison}` of the scores that both sets have, without those that have no statistics.

    Raises:
        ValueError: if the numbers of items differ.

    Reference:
        P. Koehn, "Statistical Significance Tests for Machine Translation Evaluation", EMNLP 2004,
        https://aclanthology.org/W04-3250
    """
    found = {}
    for name in (name for name in scores if name in others):
        score, other = scores[name], others[name]
        if score.statistics is None or other.statistics is None:
            continue
        if len(score.per_item) != len(other.per_item):
            raise ValueError(f"{name}: cannot pair {len(score.per_item)} items with {len(other.per_item)}")
        drawn = _resample(score, samples, seed) - _resample(other, samples, seed)
        difference = score.corpus - other.corpus
        # Under the null hypothesis the differences have the same spread, but are centred at zero.
        as_far = np.sum(np.abs(drawn - drawn.mean()) >= abs(difference) - 1e-12)
        low, high = _interval(drawn)
        found[name] = Comparison(difference, low, high, float((as_far + 1) / (samples + 1)))
    return found


def _resample(score, samples, seed):
    """Corpus scores `[samples]` of items resampled with replacement."""
    items = len(score.per_item)
    times = np.random.default_rng(seed).multinomial(items, np.full(items, 1 / items), size=samples)
    return score.aggregate(times @ score.statistics)


def _interval(values):
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
