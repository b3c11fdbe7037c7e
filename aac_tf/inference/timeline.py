"""Captions over time: what is heard in a recording, and when."""

import dataclasses
from typing import List, Optional

import numpy as np
import tensorflow as tf

from aac_tf.errors import AacError
from aac_tf.inference.confidence import caption_confidence, heard_sounds
from aac_tf.inference.sounds import Sound, strongest_sounds
from aac_tf.inference.timeline_graph import BATCH_WINDOWS, NOTHING_BEFORE


class TimelineError(AacError, ValueError):
    """A captioner that cannot caption over time."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """A part of a recording that has one caption.

    Attributes:
        begin: float, seconds.
        end: float, seconds.
        caption: str, in lower case and without punctuation; empty for silence.
        sounds: list of `Sound`, what the frozen encoder's own classifier hears in the segment, strongest first; None if
            the run has no frozen encoder with a classifier. Its intervals count from the start of the recording.
        confidence: as in `Caption`; None for silence, too.
        unsure: as in `Caption`.
    """

    begin: float
    end: float
    caption: str
    sounds: Optional[List[Sound]] = dataclasses.field(default=None, repr=False, compare=False)
    confidence: Optional[float] = dataclasses.field(default=None, compare=False)
    unsure: bool = dataclasses.field(default=False, repr=False, compare=False)


def caption_timeline(heard, search, style=None, constraints=None, progress=None):
    """Divides a sound into segments and captions these.

    Args:
        heard: `HeardSound`.
        search: `Search`.
        style: str, as for `Captioner.caption`.
        constraints: `Constraints`; None takes those of the config.
        progress: as for `HeardSound.timeline`.

    Returns:
        list of `Segment`, from the start of the sound to its end without gaps.

    Raises:
        TimelineError: if the captioner has several models.
    """
    captioner, progress = heard.captioner, progress or (lambda done, total: None)
    graph = captioner.timeline_graph(search, constraints)
    rows, scores = heard.embedding[0], heard.scores[0]
    planned = graph.plan(rows, scores, heard.features, NOTHING_BEFORE)
    begin, end, silent = (value.numpy() for value in planned[:3])
    vocabulary = captioner.vocabulary
    tokens = np.full([len(begin), vocabulary.max_words + 1], vocabulary.end_id, np.int32)
    log_probs, word_log_probs = np.zeros([len(begin)], np.float32), [None] * len(begin)
    (sounding,) = np.nonzero(~silent)
    for first in range(0, len(sounding), BATCH_WINDOWS):
        progress(100 * first // len(sounding), 100)
        batch = sounding[first : first + BATCH_WINDOWS]
        start = tf.fill([len(batch)], captioner.start_id(style))
        found, values, encoded, steps = graph.describe(rows, begin[batch], end[batch], start)
        tokens[batch], log_probs[batch] = found, values
        for index, words in zip(batch, captioner.word_log_probs(found, encoded, steps, start)):
            word_log_probs[index] = words
    progress(100, 100)
    silent |= (tokens == vocabulary.end_id).all(axis=1)
    segment, chosen = (value.numpy() for value in graph.merge(silent, tokens, log_probs))
    firsts = np.flatnonzero(np.diff(segment, prepend=-1))
    lasts = np.append(firsts[1:], len(segment)) - 1
    count = -(-len(rows) // graph.cells.rows)
    bounds = np.append(begin[firsts] // graph.cells.rows, count)
    edges = graph.cells.edges(bounds, count, heard.seconds).numpy()
    scores, segments = scores.numpy(), []
    for index, (first, last, window) in enumerate(zip(firsts, lasts, chosen)):
        times, inside = edges[index : index + 2].tolist(), scores[begin[first] : end[last]]
        words = None if silent[window] else tokens[window]
        segments.append(make_segment(captioner, times, words, word_log_probs[window], inside, int(begin[first])))
    return segments


def make_segment(captioner, times, tokens, log_probs, scores, first):
    """Makes a `Segment` with the sounds that are heard in it and its confidence.

    Args:
        captioner: `Captioner`.
        times: (begin, end) in seconds.
        tokens: int32 numpy array `[words]`, its caption; None for silence.
        log_probs: float32 `[words]`, log-probabilities of the tokens; None if the run was not calibrated.
        scores: float32 numpy array `[rows, classes]`, of the classifier; with 0 classes if there is none.
        first: int, the first of the rows, counted from the start of the recording.

    Returns:
        `Segment`.
    """
    begin, end = map(float, times)
    named = scores.shape[1] > 0
    if tokens is None:
        return Segment(begin, end, "", [] if named else None)
    embedder, sounds, categories = captioner.model.embedder, None, None
    if named:
        start, hop = embedder.segment_times
        sounds = strongest_sounds(scores, embedder.class_names, (start + first * hop, hop), end)
        sounds = [dataclasses.replace(one, interval=_clipped(one.interval, begin, end)) for one in sounds]
        categories = heard_sounds(scores.max(axis=0), embedder.class_names)
    words = captioner.vocabulary.to_words(tokens)
    confidence, unsure = None, False
    if (calibration := captioner.calibration) is not None:
        judged = calibration.judge(words, log_probs, categories)
        confidence, unsure = caption_confidence(judged, calibration.unsure_below)
    return Segment(begin, end, " ".join(words), sounds, confidence, unsure)


def _clipped(interval, begin, end):
    # `strongest_sounds` lets the first row begin at 0.
    return max(interval[0], begin), min(interval[1], end)
