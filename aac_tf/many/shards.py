"""Captioning one shard of a job into two JSON Lines files, which are written atomically."""

import collections
import concurrent.futures
import dataclasses
import json
import logging
import math
import os
import uuid
from typing import Optional

import tensorflow as tf

from aac_tf.many.batches import READERS, batches
from aac_tf.many.job import write_atomically
from aac_tf.utils.files import file_path

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How files are batched and captioned; only `style` and `timeline` change the results.

    Attributes:
        batch_seconds: float, maximum length of a batch in seconds, padding included.
        batch_size: int, maximum number of clips in a batch.
        max_seconds: float; longer clips are listed as failed.
        retry_failed: bool, whether to retry all files that failed before, not only those whose size has changed.
        style: str, style of the captions; None for the model's default.
        timeline: bool, whether to caption over time: a line then has `segments` instead of `caption`.
    """

    batch_seconds: float = 300.0
    batch_size: int = 128
    max_seconds: float = 3600.0
    retry_failed: bool = False
    style: Optional[str] = None
    timeline: bool = False

    def __post_init__(self):
        if not (self.batch_seconds > 0 and self.batch_size > 0 and self.max_seconds > 0):
            raise ValueError(f"batch_seconds, batch_size and max_seconds must be above 0, got {self}")


def caption_shard(job, shard, paths, captioner, settings):
    """Captions the files of a shard, except those that an earlier run captioned and whose size has not changed.

    Args:
        job: `Job`.
        shard: int, number of the shard.
        paths: list of str, files of the shard.
        captioner: function that returns the `SavedCaptioner`; called only if there is something to caption.
        settings: `Settings`.

    Returns:
        (counts of the whole shard, counts of this run), each a `Counter` of `captioned`, `failed` and `seconds` of
        captioned sound.
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
    ordered = [lines[path] for path in paths]
    captions = [line for line in ordered if "error" not in line]
    failed = [line for line in ordered if "error" in line]
    if before != (captions, failed):
        # Captions last, as their file marks the shard as done.
        _write(job, job.failed(shard), failed)
        _write(job, job.captions(shard), captions)
    return _count(ordered), _count(done.values())


def _caption(paths, sizes, captioner, settings):
    """Captions files; returns {path: line}."""
    captioner = captioner()
    # Sorted by format and size, files are roughly sorted by length.
    ordered = sorted(paths, key=lambda path: (os.path.splitext(path)[1].lower(), -(sizes[path] or 0)))
    lines, rate = {}, captioner.sample_rate
    for batch in batches(ordered, rate, settings.batch_seconds, settings.batch_size, settings.max_seconds):
        if batch[0].reason:
            found = [{"error": batch[0].reason}]
        elif settings.timeline:
            found = [captioner.timeline(clip.waveform) for clip in batch]
        else:
            found = captioner.caption([clip.waveform for clip in batch])
        for clip, line in zip(batch, found):
            if "error" not in line:
                line["seconds"] = round(len(clip.waveform) / rate, 3)
            lines[clip.path] = {"file": clip.path, **line, "bytes": sizes[clip.path]}
    return lines


def _count(lines):
    counts: collections.Counter = collections.Counter({"captioned": 0, "failed": 0, "seconds": 0.0})
    for line in lines:
        counts["failed" if "error" in line else "captioned"] += 1
        counts["seconds"] += line.get("seconds", 0.0)
    return counts


def _size(path):
    try:
        return file_path(path).stat().st_size
    except (OSError, ValueError):  # ValueError: no such file system, or not a name
        return None


def _read(path):
    """The lines of a file; None if it is missing or damaged, so that its clips are captioned again."""
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            lines = [json.loads(line) for line in file.read().splitlines()]
    except (tf.errors.NotFoundError, tf.errors.FailedPreconditionError):
        return None
    except (ValueError, RecursionError):
        lines = [None]
    if not all(map(_is_line, lines)):
        logger.warning("%s is damaged: its clips are captioned again", path)
        return None
    return lines


def _is_line(line):
    """Whether it is a line that `caption_shard` writes."""
    if not isinstance(line, dict) or not isinstance(line.get("file"), str) or "bytes" not in line:
        return False
    if "error" in line:
        return isinstance(line["error"], str) and "caption" not in line and "segments" not in line
    if not _are_numbers(line, "seconds"):
        return False
    if "segments" not in line:
        return _is_caption(line)
    segments = line["segments"]
    return isinstance(segments, list) and all(
        _is_caption(one) and _are_numbers(one, "begin", "end") for one in segments
    )


def _is_caption(found):
    return isinstance(found, dict) and isinstance(found.get("caption"), str) and _are_numbers(found, "log_prob")


def _are_numbers(found, *names):
    values = [found.get(name) for name in names]
    return all(isinstance(value, (int, float)) and math.isfinite(value) for value in values)


def _write(job, path, lines):
    tf.io.gfile.makedirs(job.unfinished())
    # Two workers may process the same shard: each writes its own temporary file, and the last one wins.
    unfinished = os.path.join(job.unfinished(), f"{os.path.basename(path)}.{uuid.uuid4().hex}")
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in lines).encode(), unfinished)
