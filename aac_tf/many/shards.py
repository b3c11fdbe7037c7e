"""One shard of a job: its files captioned, in two files of JSON lines that are whole or not there."""

import collections
import concurrent.futures
import dataclasses
import json
import os
import uuid

import tensorflow as tf

from aac_tf.many.batches import READERS, batches
from aac_tf.many.job import write_whole


@dataclasses.dataclass(frozen=True)
class Settings:
    """How files are captioned; none of it changes a caption.

    Attributes:
        batch_seconds: float, seconds of sound that go through the model together, padding included.
        batch_size: int, most clips that do.
        max_seconds: float; longer clips are listed as failed.
        retry_failed: whether files that failed before are tried again; otherwise only if their size has changed.
    """

    batch_seconds: float = 300.0
    batch_size: int = 128
    max_seconds: float = 3600.0
    retry_failed: bool = False

    def __post_init__(self):
        if not (self.batch_seconds > 0 and self.batch_size > 0 and self.max_seconds > 0):
            raise ValueError(f"seconds and sizes of batches and clips are above 0, got {self}")


def caption_shard(job, shard, paths, captioner, settings):
    """Captions what a shard lacks: lines of an earlier attempt are kept for files that still have the same size.

    Args:
        job: `Job`.
        shard: int, which.
        paths: list of str, its files.
        captioner: function that returns the `SavedCaptioner`; it is asked only if there is something to caption.
        settings: `Settings`.

    Returns:
        (counts of the whole shard, counts of what was done now), Counters of `captioned`, `failed` and `seconds` of
        sound captioned.
    """
    with concurrent.futures.ThreadPoolExecutor(READERS) as readers:
        sizes = dict(zip(paths, readers.map(_size, paths)))
    before = _read(job.captions(shard)), _read(job.failed(shard))
    lines = {
        line["file"]: line
        for line in (before[0] or []) + (before[1] or [])
        if sizes.get(line["file"], -1) == line["bytes"] and not ("error" in line and settings.retry_failed)
    }
    missing = [path for path in paths if path not in lines]
    done = _caption(missing, sizes, captioner, settings) if missing else {}
    lines.update(done)
    lines = [lines[path] for path in paths]
    captions = [line for line in lines if "caption" in line]
    failed = [line for line in lines if "error" in line]
    if before != (captions, failed):
        # Captions last: where they are, the shard is done.
        _write(job, job.failed(shard), failed)
        _write(job, job.captions(shard), captions)
    return _count(lines), _count(done.values())


def _caption(paths, sizes, captioner, settings):
    """Lines {path: line} of files."""
    captioner = captioner()
    # By kind and size files are roughly sorted by length; the rest is done once they are read.
    ordered = sorted(paths, key=lambda path: (os.path.splitext(path)[1].lower(), -(sizes[path] or 0)))
    lines, rate = {}, captioner.sample_rate
    for batch in batches(ordered, rate, settings.batch_seconds, settings.batch_size, settings.max_seconds):
        if batch[0].reason:
            found = [{"error": batch[0].reason}]
        else:
            found = captioner.caption([clip.waveform for clip in batch])
        for clip, line in zip(batch, found):
            if "caption" in line:
                line["seconds"] = round(len(clip.waveform) / rate, 3)
            lines[clip.path] = {"file": clip.path, **line, "bytes": sizes[clip.path]}
    return lines


def _count(lines):
    counts = collections.Counter(captioned=0, failed=0, seconds=0.0)
    for line in lines:
        counts["captioned" if "caption" in line else "failed"] += 1
        counts["seconds"] += line.get("seconds", 0.0)
    return counts


def _size(path):
    try:
        return tf.io.gfile.stat(path).length
    except (tf.errors.OpError, TypeError):  # TypeError: a name that is not UTF-8
        return None


def _read(path):
    """A file's lines; None if it is not there or not what was written."""
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return [json.loads(line) for line in file.read().splitlines()]
    except (tf.errors.NotFoundError, ValueError):
        return None


def _write(job, path, lines):
    tf.io.gfile.makedirs(job.unfinished())
    # Two machines may do the same shard: each writes its own file, and the one that ends last is the one that stays.
    unfinished = os.path.join(job.unfinished(), f"{os.path.basename(path)}.{uuid.uuid4().hex}")
    write_whole(path, "".join(json.dumps(line) + "\n" for line in lines).encode(), unfinished)
