"""BLEU."""

import numpy as np

from aac_tf.evaluation.metrics.base import Metric, Score


class BLEU(Metric):
    """BLEU-1 to BLEU-4, as pycocoevalcap computes them.

    The corpus scores are computed from the n-gram counts of all items together.

    Reference:
        K. Papineni, S. Roukos, T. Ward, W.-J. Zhu, "BLEU: a Method for Automatic Evaluation of Machine Translation",
        ACL 2002, https://aclanthology.org/P02-1040
    """

    name = "bleu"
    scores = ("bleu_1", "bleu_2", "bleu_3", "bleu_4")

    def score(self, predictions, references):
        """See `Metric`; the scores are `bleu_1` to `bleu_4`."""
        scorer = _scorer()
        for prediction, texts in zip(predictions, references):
            scorer += (prediction, texts)
        corpus, per_item = scorer.compute_score("closest")
        statistics = np.array([_statistics(counts) for counts in scorer.ctest], "float64")
        return {
            name: Score(float(corpus[n]), np.array(per_item[n]), statistics, _aggregate(n))
            for n, name in enumerate(self.scores)
        }


def _statistics(counts):
    """Length of the caption, length of the closest reference, n-grams and matching n-grams for n = 1 to 4."""
    length = counts["testlen"]
    _, closest = min((abs(reference - length), reference) for reference in counts["reflen"])
    return [length, closest, *counts["guess"], *counts["correct"]]


def _aggregate(n):
    def aggregate(sums):
        scores = []
        for row in sums.tolist():
            scorer = _scorer()
            scorer.ctest = [{"testlen": row[0], "reflen": [row[1]], "guess": row[2:6], "correct": row[6:10]}]
            scores.append(scorer.compute_score("closest")[0][n])
        return np.array(scores)

    return aggregate


def _scorer():
    # Imported on first use, so that listing the metrics does not wait for pycocoevalcap.
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer

    return BleuScorer(n=4)
