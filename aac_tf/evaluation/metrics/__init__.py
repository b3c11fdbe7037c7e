"""The caption metrics, by name."""

from aac_tf.evaluation.metrics.base import Metric, Score
from aac_tf.evaluation.metrics.bleu import BLEU
from aac_tf.evaluation.metrics.cider import CIDEr
from aac_tf.evaluation.metrics.cider_plain import CIDErPlain
from aac_tf.evaluation.metrics.distinct import Distinct
from aac_tf.evaluation.metrics.fense import FENSE, FER, SBERTSim, SPIDErFL
from aac_tf.evaluation.metrics.mean_length import MeanLength
from aac_tf.evaluation.metrics.meteor import METEOR
from aac_tf.evaluation.metrics.rouge_l import ROUGEL
from aac_tf.evaluation.metrics.sets import SETS
from aac_tf.evaluation.metrics.spice import SPICE
from aac_tf.evaluation.metrics.spider import SPIDEr
from aac_tf.evaluation.metrics.spider_max import SPIDErMax
from aac_tf.evaluation.metrics.vocabulary import Vocabulary

METRICS = {
    metric.name: metric
    for metric in (
        BLEU(),
        ROUGEL(),
        METEOR(),
        CIDEr(),
        SPICE(),
        SPIDEr(),
        SBERTSim(),
        FER(),
        FENSE(),
        SPIDErFL(),
        CIDErPlain(),
        SPIDErMax(),
        Vocabulary(),
        Distinct(),
        MeanLength(),
        FER("tiny"),
        FENSE("tiny"),
        SPIDErFL("tiny"),
    )
}

__all__ = ["METRICS", "SETS", "Metric", "Score"]
