"""What goes wrong with a frozen network."""

from aac_tf.errors import AacError


class EmbeddingError(AacError, ValueError):
    """A pretrained network that is missing, damaged, or not the one that was meant."""
