"""Evaluation: captions in, scores out."""

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.metrics import METRICS, SETS, Metric, Score
from aac_tf.evaluation.scoring import missing_metrics, score_captions

__all__ = ["METRICS", "SETS", "Metric", "MetricError", "Score", "missing_metrics", "score_captions"]
