"""The error of training."""

from aac_tf.errors import AacError


class TrainingError(AacError, RuntimeError):
    """A training run cannot continue."""
