"""Captions to scores."""

from aac_tf.evaluation.java.process import MetricError
from aac_tf.evaluation.metrics import METRICS, missing_metrics, score_captions

__all__ = ["METRICS", "MetricError", "missing_metrics", "score_captions"]
