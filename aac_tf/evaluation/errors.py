"""Errors of the evaluation."""

from aac_tf.errors import AacError


class MetricError(AacError, RuntimeError):
    """A metric cannot be computed; the message says why and what to do about it."""


class UndefinedError(MetricError):
    """A metric has no value for these captions."""
