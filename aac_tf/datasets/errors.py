"""The error that datasets raise."""

from aac_tf.errors import AacError


class DatasetError(AacError, ValueError):
    """A dataset that cannot be read, or lacks what was asked of it."""
