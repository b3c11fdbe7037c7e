"""Batches of sound files of similar length, read ahead of the model."""

import dataclasses
import itertools
import os

import numpy as np

from aac_tf.audio import AudioError, SoundFile
from aac_tf.audio.waveforms import scale_down
from aac_tf.utils.reading import bounded_batches, read_ahead

READERS = 4
# Number of batches whose clips are sorted by length together.
_WINDOW = 4


@dataclasses.dataclass(frozen=True, eq=False)
class LoadedSound:
    """A sound file that was read.

    Attributes:
        path: str.
        waveform: float32 numpy array `[samples]`; None if the file cannot be used.
        reason: str, why it cannot be used; empty if it can.
    """

    path: str
    waveform: np.ndarray = None
    reason: str = ""


def read_clip(path, sample_rate, max_seconds):
    """Reads a file without raising errors of the file, so that one bad file does not stop a job.

    Args:
        path: str.
        sample_rate: int, Hz, that the waveform is resampled to.
        max_seconds: float; longer files are not used.

    Returns:
        `LoadedSound`.
    """
    try:
        file = SoundFile(path)
        if file.samples > max_seconds * file.sample_rate:
            return LoadedSound(path, reason=f"longer than {max_seconds:g} s (--max-seconds)")
        return LoadedSound(path, scale_down(np.concatenate(list(file.parts(sample_rate))), path))
    except AudioError as error:
        return LoadedSound(path, reason=error.reason)


def batches(paths, sample_rate, batch_seconds, batch_size, max_seconds):
    """Reads files in threads and groups those of similar length into batches.

    Args:
        paths: list of str, roughly sorted by length, longest first, as far as lengths are known.
        sample_rate: int, Hz, that waveforms are resampled to.
        batch_seconds: float, maximum length of a batch, padding included; a longer clip forms a batch of its own.
        batch_size: int, maximum number of clips in a batch.
        max_seconds: float; longer clips are not used.

    Yields:
        list of `LoadedSound`: clips that can be used, or a single one that cannot. Each path comes once.
    """
    most = batch_seconds * sample_rate
    window, samples = [], 0
    for clip in _read_in_threads(paths, sample_rate, max_seconds, most, batch_size):
        if clip.waveform is None:
            yield [clip]
            continue
        window.append(clip)
        samples += len(clip.waveform)
        if samples >= _WINDOW * most or len(window) >= _WINDOW * batch_size:
            yield from _by_length(window, most, batch_size)
            window, samples = [], 0
    yield from _by_length(window, most, batch_size)


def _read_in_threads(paths, sample_rate, max_seconds, most, batch_size):
    """Yields sounds in order; reads ahead about as many as fill a window, estimated from the longest one so far."""

    def read(path):
        return read_clip(path, sample_rate, max_seconds)

    longest = 0

    def ahead():
        return max(READERS, min(_WINDOW * batch_size, int(_WINDOW * most) // longest)) if longest else READERS

    # Lengths of files of one format say nothing about those of another.
    for _, same_format in itertools.groupby(paths, key=lambda path: os.path.splitext(path)[1]):
        longest = 0
        for sound in read_ahead(read, same_format, READERS, ahead):
            yield sound
            if sound.waveform is not None:
                longest = max(longest, len(sound.waveform))


def _by_length(sounds, most, batch_size):
    longest_first = sorted(sounds, key=lambda sound: -len(sound.waveform))
    return bounded_batches(longest_first, lambda sound: len(sound.waveform), most, batch_size)
