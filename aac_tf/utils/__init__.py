"""Small utilities: atomic file writes, the cache folder, reading ahead and batching by size."""

from aac_tf.utils.atomic import atomic_write
from aac_tf.utils.cache import cache_folder
from aac_tf.utils.reading import bounded_batches, read_ahead

__all__ = ["atomic_write", "bounded_batches", "cache_folder", "read_ahead"]
