"""How sure a score is: bootstrap intervals, and paired comparison of two sets of captions."""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

import numpy as np

from aac_tf.evaluation.scorers import Score

LEVEL = 0.95
SAMPLES = 1000


class Comparison(NamedTuple):
    """A score of one set of captions against the same score of another.

    Attributes:
        difference: the first's corpus score minus the second's.
        low: lower end of the difference's 95 % interval.
        high: upper end of it.
        p_value: share of resamples whose difference is as far from the mean difference as the measured one is from
            zero; two-sided.
    """

    difference: float
    low: float
    high: float
    p_value: float


def confidence_intervals(
    scores: Dict[str, Score], samples: int = SAMPLES, seed: int = 0
) -> Dict[str, Tuple[float, float]]:
    """95 % intervals of corpus scores, by the percentile bootstrap (Efron & Tibshirani, 1993).

    Items are drawn with replacement. BLEU and METEOR are computed anew from the counts of the items drawn, as their
    corpus scores are no means; ROUGE-L, CIDEr, SPICE and SPIDEr are the means of the drawn items' scores. CIDEr's word
    weights stay those of all items.

    Args:
        scores: {score name: `Score`}, as in `Scores.found`.
        samples: number of resamples.
        seed: of the draws.

    Returns:
        {score name: (low, high)}.
    """
    return {name: _interval(_resample(score, samples, seed)) for name, score in scores.items()}


def compare_scores(
    scores: Dict[str, Score], others: Dict[str, Score], samples: int = SAMPLES, seed: int = 0
) -> Dict[str, Comparison]:
    """Compares two sets of captions of the same items by the paired bootstrap (Koehn, 2004).

    Both are resampled with the same draws, as in `confidence_intervals`, so that items which are hard for both do not
    blur their difference.

    Args:
        scores: {score name: `Score`}.
        others: the other captions' scores, of the same items in the same order.
        samples: number of resamples.
        seed: of the draws.

    Returns:
        {score name: `Comparison`} of the scores that both have.

    Raises:
        ValueError: if they are not of as many items.
    """
    found = {}
    for name in (name for name in scores if name in others):
        score, other = scores[name], others[name]
        if len(score.per_item) != len(other.per_item):
            raise ValueError(f"{name}: {len(score.per_item)} items cannot be paired with {len(other.per_item)}")
        drawn = _resample(score, samples, seed) - _resample(other, samples, seed)
        difference = score.corpus - other.corpus
        # The differences under the hypothesis of none: the same spread, around zero.
        as_far = np.sum(np.abs(drawn - drawn.mean()) >= abs(difference) - 1e-12)
        found[name] = Comparison(difference, *_interval(drawn), float((as_far + 1) / (samples + 1)))
    return found


def _resample(score, samples, seed):
    """Corpus scores `[samples]` of items drawn with replacement."""
    items = len(score.per_item)
    times = np.random.default_rng(seed).multinomial(items, np.full(items, 1 / items), size=samples)
    return score.aggregate(times @ score.statistics)


def _interval(values):
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
