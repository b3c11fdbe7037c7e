"""SPICE."""

from aac_tf.evaluation.java.spice import score_spice, too_long
from aac_tf.evaluation.java.spice_files import why_no_spice
from aac_tf.evaluation.metrics.base import Metric, Score


class SPICE(Metric):
    """SPICE 1.0, computed by its authors' Java program; the corpus score is the mean over the items.

    It needs Stanford CoreNLP, which `aac-download corenlp` downloads. Captions of more than 100 words would take
    it minutes to hours each: such a prediction scores 0, such a reference is left out, and both are noted.

    Reference:
        P. Anderson, B. Fernando, M. Johnson, S. Gould, "SPICE: Semantic Propositional Image Caption Evaluation",
        ECCV 2016, https://arxiv.org/abs/1607.08822
    """

    name = "spice"
    reports_progress = True

    def score(self, predictions, references, progress=None):
        """See `Metric`; the score is `spice`."""
        scores = score_spice(predictions, references, progress)
        return {"spice": Score.mean(scores, notes=too_long(predictions, references))}

    def unavailable(self):
        """See `Metric`."""
        return super().unavailable() or why_no_spice()
