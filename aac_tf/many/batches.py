"""Sound files read ahead of the model, and put together by length."""

import collections
import concurrent.futures
import dataclasses
import os

import numpy as np

from aac_tf.audio import AudioError, SoundFile

READERS = 4
# Batches whose clips are sorted by length together, while those of the next are read.
_WINDOW = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Clip:
    """A file that was read.

    Attributes:
        path: str.
        waveform: float32 numpy array `[samples]`; None if it cannot be used.
        reason: str, why it cannot; empty if it can.
    """

    path: str
    waveform: np.ndarray = None
    reason: str = ""


def read_clip(path, sample_rate, max_seconds):
    """Reads a file; all that may be wrong with it is in the `Clip`, so that one file cannot stop a million."""
    try:
        file = SoundFile(path)
        if file.samples > max_seconds * file.sample_rate:
            return Clip(path, reason=f"longer than {max_seconds:g} s (--max-seconds)")
        return Clip(path, np.concatenate(list(file.parts(sample_rate))))
    except AudioError as error:
        return Clip(path, reason=error.reason)


def batches(paths, sample_rate, batch_seconds, batch_size, max_seconds):
    """Reads files in threads, and yields those of like length together.

    Args:
        paths: list of str; those of like length, as far as that is known, should be neighbours, longest first.
        sample_rate: Hz, int, that waveforms are resampled to.
        batch_seconds: float, seconds of a batch at the most, padding included; a longer clip goes alone.
        batch_size: int, clips of a batch at the most.
        max_seconds: float; longer clips are not used.

    Yields:
        list of `Clip`, each path in one of them once: clips that can be used, or one that cannot.
    """
    most = batch_seconds * sample_rate
    window, samples = [], 0
    for clip in _read_ahead(paths, sample_rate, max_seconds, most, batch_size):
        if clip.waveform is None:
            yield [clip]
            continue
        window.append(clip)
        samples += len(clip.waveform)
        if samples >= _WINDOW * most or len(window) >= _WINDOW * batch_size:
            yield from _by_length(window, most, batch_size)
            window, samples = [], 0
    yield from _by_length(window, most, batch_size)


def _read_ahead(paths, sample_rate, max_seconds, most, batch_size):
    """Yields clips in order, while about as many as fill a window are being read, going by the longest so far."""
    kind, ahead, longest = None, READERS, 0
    with concurrent.futures.ThreadPoolExecutor(READERS) as readers:
        pending = collections.deque()
        for path in paths:
            if os.path.splitext(path)[1] != kind:  # which tells nothing of the length of files of another
                while pending:
                    yield pending.popleft().result()
                kind, ahead, longest = os.path.splitext(path)[1], READERS, 0
            pending.append(readers.submit(read_clip, path, sample_rate, max_seconds))
            while len(pending) > ahead:
                clip = pending.popleft().result()
                yield clip
                if clip.waveform is not None:
                    longest = max(longest, len(clip.waveform))
                    ahead = max(READERS, min(_WINDOW * batch_size, int(_WINDOW * most) // longest))
        while pending:
            yield pending.popleft().result()


def _by_length(clips, most, batch_size):
    batch = []
    for clip in sorted(clips, key=lambda clip: -len(clip.waveform)):
        if batch and (len(batch) == batch_size or len(batch[0].waveform) * (len(batch) + 1) > most):
            yield batch
            batch = []
        batch.append(clip)
    if batch:
        yield batch
