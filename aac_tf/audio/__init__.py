"""Sound files to spectrograms: graph functions for `tf.data` and SavedModels, and readers for long files."""

from aac_tf.audio.errors import AudioError, error_reason
from aac_tf.audio.load import load_audio, read_audio
from aac_tf.audio.long_spectrogram import long_spectrogram, spectrogram_of_parts
from aac_tf.audio.resample import resample, resampled_length
from aac_tf.audio.sound_file import PART_SECONDS, SoundFile
from aac_tf.audio.specaugment import SpecAugment
from aac_tf.audio.specs import AST, DCASE2020, SPECS, YAMNET
from aac_tf.audio.spectrogram import SpectrogramSpec, spectrogram
from aac_tf.audio.wav import decode_wav

__all__ = [
    "AST",
    "DCASE2020",
    "PART_SECONDS",
    "SPECS",
    "YAMNET",
    "AudioError",
    "SoundFile",
    "SpecAugment",
    "SpectrogramSpec",
    "decode_wav",
    "error_reason",
    "load_audio",
    "long_spectrogram",
    "read_audio",
    "resample",
    "resampled_length",
    "spectrogram",
    "spectrogram_of_parts",
]
