"""Files to batches."""

from aac_tf.data.audiocaps import read_audiocaps
from aac_tf.data.clips import Clip, ClipList, DatasetError
from aac_tf.data.clotho import read_clotho
from aac_tf.data.manifest import read_manifest

__all__ = ["Clip", "ClipList", "DatasetError", "read_audiocaps", "read_clotho", "read_manifest"]
