"""The error that an invalid config raises."""

from aac_tf.errors import AacError


class ConfigError(AacError, ValueError):
    """An unknown config key, or a value that is invalid for its key."""
