"""Finding unusable sound files before training does."""

import concurrent.futures
import os

import tensorflow as tf

from aac_tf.audio import AudioError, SoundFile
from aac_tf.datasets.clips import ClipList


def screen_audio(clips, max_seconds=None, progress=None):
    """Reads every file once, but those too long, to leave out what training would stumble over.

    Args:
        clips: `ClipList`.
        max_seconds: float; longer clips are left out. None: any length.
        progress: optional function called as `progress(done, total)`.

    Returns:
        A `ClipList` of the usable clips, with what was left out so far and now; and a list of (samples, sample_rate) of
        each usable clip.
    """

    def inspect(clip):
        try:
            file = SoundFile(clip.path)
            seconds = file.samples / file.sample_rate
            if max_seconds is not None and seconds > max_seconds:
                return f"lasts {seconds:.1f} s, more than data.max_seconds={max_seconds:g}", None
            if tf.io.gfile.stat(clip.path).length >= 2**31:
                return "larger than 2 GB: cut it", None  # training reads the bytes of a file as one string
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
    return ClipList(kept, left_out), lengths
