"""Evaluation: captions in, scores out."""

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.metrics import METRICS, Metric, Score
from aac_tf.evaluation.scoring import missing_metrics, score_captions

__all__ = ["METRICS", "Metric", "MetricError", "Score", "missing_metrics", "score_captions"]
