"""METEOR."""

import numpy as np

from aac_tf.evaluation.java.meteor import PROGRAM
from aac_tf.evaluation.metrics.base import Metric, Score


class METEOR(Metric):
    """METEOR 1.5, computed by its authors' Java program.

    The corpus score is computed from the counts of all items together.

    Reference:
        M. Denkowski, A. Lavie, "Meteor Universal: Language Specific Translation Evaluation for Any Target Language",
        WMT 2014, https://aclanthology.org/W14-3348
    """

    name = "meteor"

    def start(self):
        """See `Metric`; the program reads its paraphrase table."""
        PROGRAM.start()

    def score(self, predictions, references):
        """See `Metric`; the score is `meteor`."""
        counts = np.array([PROGRAM.count(*item) for item in zip(predictions, references)])
        per_item, corpus = PROGRAM.score(counts)
        return {"meteor": Score(corpus, per_item, summable(counts), lambda sums: PROGRAM.score(sums)[0])}


def summable(counts):
    """Makes counts additive: the score of their sum is the score that METEOR gives the captions together.

    METEOR does not count the chunk of a caption that equals its reference when it adds up the captions.

    Args:
        counts: float array `[captions, 23]`, from `METEORProgram.count`.

    Returns:
        float array `[captions, 23]`.
    """
    counts = np.array(counts)
    test_length, reference_length = counts[:, 0], counts[:, 1]
    chunks, test_matches, reference_matches = counts[:, 20:].T
    same = (test_matches == test_length) & (reference_matches == reference_length) & (chunks == 1)
    counts[same, 20] = 0
    return counts
