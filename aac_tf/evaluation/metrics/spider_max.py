"""SPIDEr-max."""

import numpy as np

from aac_tf.evaluation.metrics.base import Metric, Score
from aac_tf.evaluation.metrics.cider import CIDEr
from aac_tf.evaluation.metrics.spice import SPICE


class SPIDErMax(Metric):
    """SPIDEr-max, the highest SPIDEr of several captions for an item; the corpus score is the mean over the items.

    Items with fewer captions than others are possible.

    Reference:
        E. Labbé, T. Pellegrini, J. Pinquier, "Is my automatic audio captioning system so bad? SPIDEr-max: a metric to
        consider several caption candidates", DCASE 2022 workshop, https://arxiv.org/abs/2211.08983
    """

    name = "spider_max"
    several = True
    by_default = False
    reports_progress = True

    def score(self, predictions, references, progress=None):
        """See `Metric`; the score is `spider_max`."""
        size = max(map(len, predictions))
        rows = [[*texts, *texts[:1] * (size - len(texts))] for texts in predictions]  # the maximum ignores repetitions
        # One set of captions at a time, so that the n-gram weights are those of the items.
        cider = np.stack([CIDEr().score(list(column), references)["cider"].per_item for column in zip(*rows)], axis=1)
        captions = [text for row in rows for text in row]
        spice = SPICE().score(captions, [texts for texts in references for _ in range(size)], progress)["spice"]
        best = ((cider + np.reshape(spice.per_item, cider.shape)) / 2).max(axis=1)
        notes = {}
        for row, note in spice.notes.items():
            notes.setdefault(row // size, f"caption {row % size + 1}: {note}")
        return {"spider_max": Score.mean(best, notes=notes)}

    def unavailable(self):
        """See `Metric`."""
        return SPICE().unavailable()
