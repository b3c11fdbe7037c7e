"""What can go wrong in training."""

from aac_tf.errors import AacError


class TrainingError(AacError, RuntimeError):
    """A training run that cannot go on."""
