"""The error of run folders."""

from aac_tf.errors import AacError


class RunError(AacError, ValueError):
    """A run folder is missing or incomplete, or does not match what it is used with."""
