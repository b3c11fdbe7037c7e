"""The experiment config: typed dataclasses, read from YAML and overridden with `key=value` on the command line."""

from aac_tf.config.errors import ConfigError
from aac_tf.config.loading import describe_keys, flatten, load_config, save_config
from aac_tf.config.schema import Config

__all__ = ["Config", "ConfigError", "describe_keys", "flatten", "load_config", "save_config"]
