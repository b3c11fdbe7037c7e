"""Length of the captions."""

from typing import ClassVar

from aac_tf.evaluation.metrics.base import Metric, Score


class MeanLength(Metric):
    """Mean number of words of a caption; references are not used."""

    name = "mean_length"
    higher_is_better = None
    by_default = False
    names: ClassVar = {"mean_length": "words per caption"}

    def score(self, predictions, references):
        """See `Metric`; the score is `mean_length`."""
        return {"mean_length": Score.mean([len(caption.split()) for caption in predictions])}
