"""Error of captions and vocabularies."""

from aac_tf.errors import AacError


class StyleError(AacError, ValueError):
    """A style that the vocabulary does not have."""
