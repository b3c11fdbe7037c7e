"""Finding unusable sound files before training starts."""

import concurrent.futures
import os

from aac_tf.audio import AudioError, SoundFile
from aac_tf.datasets import ClipList


def screen_audio(clips, max_seconds=None, progress=None):
    """Reads all files, except those that are too long, and removes the clips whose files cannot be used.

    Args:
        clips: `ClipList`.
        max_seconds: float; longer clips are removed. None accepts any length.
        progress: optional function `(done, total)`.

    Returns:
        (`ClipList` of the usable clips, whose `left_out` includes the removed ones; list with the (samples,
        sample_rate) of each usable clip).
    """

    def inspect(clip):
        try:
            file = SoundFile(clip.path)
            seconds = file.samples / file.sample_rate
            if max_seconds is not None and seconds > max_seconds:
                return f"lasts {seconds:.1f} s, more than data.max_seconds={max_seconds:g}", None
            for _ in file.parts():
                pass
        except AudioError as error:
            return error.reason, None
        return None, (file.samples, file.sample_rate)

    kept, left_out, lengths = [], list(clips.left_out), []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (clip, (reason, length)) in enumerate(zip(clips, pool.map(inspect, clips)), 1):
            if reason is None:
                kept.append(clip)
                lengths.append(length)
            else:
                left_out.append((clip.name, reason))
            if progress:
                progress(done, len(clips))
    return ClipList(kept, left_out, sum(samples / rate for samples, rate in lengths)), lengths
