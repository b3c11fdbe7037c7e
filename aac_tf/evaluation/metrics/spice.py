"""SPICE."""

from aac_tf.evaluation.java.spice import score_spice, why_no_spice
from aac_tf.evaluation.metrics.base import Metric, Score


class SPICE(Metric):
    """SPICE 1.0, computed by its authors' Java program; the corpus score is the mean over the items.

    It needs Stanford CoreNLP, which `aac-evaluate --fetch-spice` downloads.

    Reference:
        P. Anderson, B. Fernando, M. Johnson, S. Gould, "SPICE: Semantic Propositional Image Caption Evaluation",
        ECCV 2016, https://arxiv.org/abs/1607.08822
    """

    name = "spice"

    def score(self, predictions, references):
        """See `Metric`; the score is `spice`."""
        return {"spice": Score.mean(score_spice(predictions, references))}

    def unavailable(self):
        """See `Metric`."""
        return super().unavailable() or why_no_spice()
