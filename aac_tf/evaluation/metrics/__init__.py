"""The caption metrics, by name."""

from aac_tf.evaluation.metrics.base import Metric, Score
from aac_tf.evaluation.metrics.bleu import BLEU
from aac_tf.evaluation.metrics.cider import CIDEr
from aac_tf.evaluation.metrics.fense import FENSE, FER, SBERTSim, SPIDErFL
from aac_tf.evaluation.metrics.meteor import METEOR
from aac_tf.evaluation.metrics.rouge_l import ROUGEL
from aac_tf.evaluation.metrics.sets import SETS
from aac_tf.evaluation.metrics.spice import SPICE
from aac_tf.evaluation.metrics.spider import SPIDEr

_BY_FLUENCY = (SBERTSim(), FER(), FENSE(), SPIDErFL(), FER("tiny"), FENSE("tiny"), SPIDErFL("tiny"))
METRICS = {metric.name: metric for metric in (BLEU(), ROUGEL(), METEOR(), CIDEr(), SPICE(), SPIDEr(), *_BY_FLUENCY)}

__all__ = ["METRICS", "SETS", "Metric", "Score"]
