"""CIDEr-D."""

from typing import ClassVar

from aac_tf.evaluation.errors import UndefinedError
from aac_tf.evaluation.metrics.base import Metric, Score
from aac_tf.evaluation.metrics.coco import coco_captions


class CIDEr(Metric):
    """CIDEr-D, as pycocoevalcap computes it; the corpus score is the mean over the items.

    What the DCASE challenge and most papers call CIDEr is CIDEr-D: words are not stemmed, n-grams of the caption count
    at most as often as in the reference, and captions of another length lose by a Gaussian of the difference. The score
    keeps the name `cider`; `CIDErPlain` is CIDEr itself.

    An n-gram weighs less the more items have it in their references, so the score of an item depends on the others. Of
    a single item all n-grams weigh 0: the score is undefined.

    Reference:
        R. Vedantam, C. L. Zitnick, D. Parikh, "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015,
        https://arxiv.org/abs/1411.5726
    """

    name = "cider"
    names: ClassVar = {"cider": "CIDEr-D"}

    def score(self, predictions, references):
        """See `Metric`; the score is `cider`."""
        if len(predictions) == 1:
            raise UndefinedError("CIDEr-D is undefined for a single clip: score at least two")
        # Imported on first use, so that listing the metrics does not wait for pycocoevalcap.
        from pycocoevalcap.cider.cider import Cider

        corpus, per_item = Cider().compute_score(*coco_captions(predictions, references))
        return {"cider": Score.mean(per_item, corpus)}
