"""Size of the vocabulary."""

from typing import ClassVar

from aac_tf.evaluation.metrics.base import Metric, Score


class Vocabulary(Metric):
    """Number of different words in all captions together; references are not used."""

    name = "vocabulary"
    higher_is_better = None
    by_default = False
    names: ClassVar = {"vocabulary": "different words"}

    def score(self, predictions, references):
        """See `Metric`; the score is `vocabulary`."""
        return {"vocabulary": Score.of_corpus(len({word for caption in predictions for word in caption.split()}))}
