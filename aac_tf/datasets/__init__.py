"""Captioned clips: published corpora, the user's own, and several of them together."""

from aac_tf.datasets.audio_files import match_audio
from aac_tf.datasets.audiocaps import AudioCaps
from aac_tf.datasets.base import SPLITS, Dataset
from aac_tf.datasets.clips import Clip, ClipList
from aac_tf.datasets.clotho import Clotho
from aac_tf.datasets.errors import DatasetError
from aac_tf.datasets.first_clips import FirstClips
from aac_tf.datasets.held_out import HeldOut
from aac_tf.datasets.macs import MACS
from aac_tf.datasets.manifest import Manifest
from aac_tf.datasets.mixture import Mixture
from aac_tf.datasets.styled import Styled
from aac_tf.datasets.wavcaps import WavCaps
from aac_tf.datasets.wrapper import DatasetWrapper

__all__ = [
    "MACS",
    "SPLITS",
    "AudioCaps",
    "Clip",
    "ClipList",
    "Clotho",
    "Dataset",
    "DatasetError",
    "DatasetWrapper",
    "FirstClips",
    "HeldOut",
    "Manifest",
    "Mixture",
    "Styled",
    "WavCaps",
    "match_audio",
]
