"""What goes wrong with a frozen network."""


class EmbeddingError(ValueError):
    """A pretrained network that is missing, damaged, or not the one that was meant."""
