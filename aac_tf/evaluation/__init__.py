"""Captions to scores."""

from aac_tf.evaluation.metrics import METRICS, score_captions

__all__ = ["METRICS", "score_captions"]
