"""The metrics, each from tokenized captions to corpus and item scores; the numbers are pycocoevalcap's."""

from __future__ import annotations

import dataclasses
from typing import Callable

import numpy as np
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from aac_tf.evaluation.java.meteor import METEOR, summable
from aac_tf.evaluation.java.spice import score_spice


@dataclasses.dataclass(frozen=True)
class Score:
    """What a metric says of a set of captions.

    Attributes:
        corpus: the corpus score.
        per_item: float64 `[items]`, the items' own scores.
        statistics: float64 `[items, n]`, whose sum over the items is all that the corpus score is computed from.
        aggregate: function from such sums `[sets, n]` to corpus scores `[sets]`.
    """

    corpus: float
    per_item: np.ndarray
    statistics: np.ndarray
    aggregate: Callable


def _mean(per_item, corpus=None):
    """A `Score` whose corpus score is the mean of the items' scores."""
    per_item = np.asarray(per_item, "float64")
    statistics = np.stack([per_item, np.ones(len(per_item))], axis=1)
    corpus = np.mean(per_item) if corpus is None else corpus
    return Score(float(corpus), per_item, statistics, lambda sums: sums[:, 0] / sums[:, 1])


def score_bleu(references, predictions):
    """BLEU-1 to BLEU-4 (Papineni et al., 2002); the corpus scores come from the counts of all items together."""
    scorer = BleuScorer(n=4)
    for row, (prediction,) in predictions.items():
        scorer += (prediction, references[row])
    corpus, per_item = scorer.compute_score("closest")
    statistics = np.array([
        [
            counts["testlen"],
            min((abs(length - counts["testlen"]), length) for length in counts["reflen"])[1],
            *counts["guess"],
            *counts["correct"],
        ]
        for counts in scorer.ctest
    ], "float64")  # fmt: skip
    return {
        f"bleu_{n + 1}": Score(float(corpus[n]), np.array(per_item[n]), statistics, _bleu_of_sums(n)) for n in range(4)
    }


def _bleu_of_sums(n):
    def aggregate(sums):
        scores = []
        for row in sums.tolist():
            scorer = BleuScorer(n=4)
            scorer.ctest = [{"testlen": row[0], "reflen": [row[1]], "guess": row[2:6], "correct": row[6:10]}]
            scores.append(scorer.compute_score("closest")[0][n])
        return np.array(scores)

    return aggregate


def score_rouge(references, predictions):
    """ROUGE-L (Lin, 2004)."""
    corpus, per_item = Rouge().compute_score(references, predictions)
    return {"rouge_l": _mean(per_item, corpus)}


def score_meteor(references, predictions):
    """METEOR 1.5 (Denkowski & Lavie, 2014); the corpus score comes from the counts of all items together."""
    counts = np.array([METEOR.count(references[row], prediction) for row, (prediction,) in predictions.items()])
    per_item, corpus = METEOR.score(counts)
    return {"meteor": Score(corpus, per_item, summable(counts), lambda sums: METEOR.score(sums)[0])}


def score_cider(references, predictions):
    """CIDEr (Vedantam et al., 2015); words are weighted by how many items' references hold them."""
    corpus, per_item = Cider().compute_score(references, predictions)
    return {"cider": _mean(per_item, corpus)}


def score_spice_metric(references, predictions):
    """SPICE (Anderson et al., 2016)."""
    return {"spice": _mean(score_spice(references, predictions))}


def mean_of_scores(first, second):
    """A `Score` that is the mean of two others which are means over items, as SPIDEr (Liu et al., 2017) is."""
    return _mean((first.per_item + second.per_item) / 2, (first.corpus + second.corpus) / 2)
