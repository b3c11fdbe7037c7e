"""The spectrogram of a sound file."""

from __future__ import annotations

import numpy as np

from aac_tf.audio.levels import LOUD, peak, warn_loud
from aac_tf.audio.long_spectrogram import spectrogram_of_parts
from aac_tf.audio.sound_file import SoundFile


def spectrogram_of_file(path, spec):
    """Computes the spectrogram of a sound file of any length, part by part.

    Args:
        path: what `SoundFile` takes.
        spec: `SpectrogramSpec`, such as `DCASE2020`.

    Returns:
        (float32 `[frames, bins]`, length of the sound in seconds). A sound with samples beyond ±10 is scaled down, with
        a warning.

    Raises:
        AudioError: if the file cannot be used.
    """
    file, loudest = SoundFile(path), 0.0

    def parts():
        nonlocal loudest
        for part in file.parts(spec.sample_rate):
            loudest = max(loudest, peak(np.asarray(part)))
            yield part

    features = spectrogram_of_parts(parts(), spec)
    if loudest > LOUD:
        # The peak is not known earlier, and a logarithm with an offset cannot be rescaled.
        warn_loud(loudest, path)
        features = spectrogram_of_parts((part / loudest for part in file.parts(spec.sample_rate)), spec)
    return features, file.samples / file.sample_rate
