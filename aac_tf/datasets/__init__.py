"""Captioned clips of published corpora and of users, read from their CSV files."""

from aac_tf.datasets.audiocaps import read_audiocaps
from aac_tf.datasets.clips import Clip, ClipList, DatasetError
from aac_tf.datasets.clotho import read_clotho
from aac_tf.datasets.manifest import read_manifest

__all__ = ["Clip", "ClipList", "DatasetError", "read_audiocaps", "read_clotho", "read_manifest"]
