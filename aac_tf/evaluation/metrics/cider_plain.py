"""CIDEr without the changes of CIDEr-D."""

import collections
import math
from typing import ClassVar

import numpy as np

from aac_tf.evaluation.errors import UndefinedError
from aac_tf.evaluation.metrics.base import Metric, Score

_LONGEST = 4  # words of an n-gram
_SCALE = 10  # as in the authors' program


class CIDErPlain(Metric):
    """CIDEr, the mean cosine of a caption's and its references' n-gram vectors, n = 1 to 4, times 10.

    Each n-gram weighs its frequency in the caption times log(items / items that have it in a reference). Unlike in
    CIDEr-D (`CIDEr`), counts are not clipped and the length does not matter, so that repeated words can raise the
    score. As in the authors' program, words are not stemmed.

    The corpus score is the mean over the items. The score of an item depends on the references of the others; that of a
    single item is undefined.

    Reference:
        R. Vedantam, C. L. Zitnick, D. Parikh, "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015,
        https://arxiv.org/abs/1411.5726
    """

    name = "cider_plain"
    by_default = False
    names: ClassVar = {"cider_plain": "CIDEr"}

    def score(self, predictions, references):
        """See `Metric`; the score is `cider_plain`."""
        if len(predictions) == 1:
            raise UndefinedError("CIDEr is undefined for a single clip: score at least two")
        counted = [[_count(text) for text in texts] for texts in references]
        found_in = collections.Counter(ngram for counts in counted for ngram in set().union(*counts))
        weights = {ngram: math.log(len(references) / items) for ngram, items in found_in.items()}
        unknown = math.log(len(references))
        scores = []
        for prediction, counts in zip(predictions, counted):
            vectors = _vectors(_count(prediction), weights, unknown)
            cosines = [_cosines(vectors, _vectors(others, weights, unknown)) for others in counts]
            scores.append(_SCALE * np.mean(cosines))
        return {"cider_plain": Score.mean(scores)}


def _count(caption):
    """How often each n-gram occurs."""
    words = caption.split()
    return collections.Counter(
        tuple(words[start : start + n]) for n in range(1, _LONGEST + 1) for start in range(len(words) - n + 1)
    )


def _vectors(counts, weights, unknown):
    """A vector per n, as a dict of n-gram to weight."""
    vectors = [{} for _ in range(_LONGEST)]
    for ngram, count in counts.items():
        vectors[len(ngram) - 1][ngram] = count * weights.get(ngram, unknown)
    return vectors


def _cosines(vectors, others):
    """The cosine of two captions for each n; 0 where a caption has no n-gram that weighs anything."""
    cosines = []
    for vector, other in zip(vectors, others):
        norms = math.hypot(*vector.values()) * math.hypot(*other.values())
        product = sum(weight * other[ngram] for ngram, weight in vector.items() if ngram in other)
        cosines.append(product / norms if norms else 0.0)
    return cosines
