"""SPIDEr."""

from aac_tf.evaluation.metrics.base import Metric, Score


class SPIDEr(Metric):
    """SPIDEr, the mean of CIDEr-D and SPICE.

    Reference:
        S. Liu, Z. Zhu, N. Ye, S. Guadarrama, K. Murphy, "Improved Image Captioning via Policy Gradient optimization of
        SPIDEr", ICCV 2017, https://arxiv.org/abs/1612.00370
    """

    name = "spider"
    requires = ("cider", "spice")

    def score(self, predictions, references, cider, spice):
        """See `Metric`; the score is `spider`."""
        cider, spice = cider["cider"], spice["spice"]
        return {"spider": Score.mean((cider.per_item + spice.per_item) / 2, (cider.corpus + spice.corpus) / 2)}
