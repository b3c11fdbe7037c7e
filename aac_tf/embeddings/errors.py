"""Errors of frozen encoders."""

from aac_tf.errors import AacError


class EmbeddingError(AacError, ValueError):
    """A pretrained network that is missing, damaged, or of the wrong kind."""
