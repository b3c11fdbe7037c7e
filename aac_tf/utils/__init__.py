"""Small tools that every room may use: atomic files, the cache folder."""

from aac_tf.utils.atomic import atomic_write
from aac_tf.utils.cache import cache_folder

__all__ = ["atomic_write", "cache_folder"]
