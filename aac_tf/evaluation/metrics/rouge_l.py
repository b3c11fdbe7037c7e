"""ROUGE-L."""

from aac_tf.evaluation.metrics.base import Metric, Score
from aac_tf.evaluation.metrics.coco import coco_captions


class ROUGEL(Metric):
    """ROUGE-L, as pycocoevalcap computes it; the corpus score is the mean over the items.

    Reference:
        C.-Y. Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", ACL 2004 workshop "Text Summarization
        Branches Out", https://aclanthology.org/W04-1013
    """

    name = "rouge_l"

    def score(self, predictions, references):
        """See `Metric`; the score is `rouge_l`."""
        # Imported on first use, so that listing the metrics does not wait for pycocoevalcap.
        from pycocoevalcap.rouge.rouge import Rouge

        corpus, per_item = Rouge().compute_score(*coco_captions(predictions, references))
        return {"rouge_l": Score.mean(per_item, corpus)}
