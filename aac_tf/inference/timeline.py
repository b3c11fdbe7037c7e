"""Captions over time: what is heard in a recording, and when."""

import dataclasses
from typing import List, Optional

import numpy as np
import tensorflow as tf

from aac_tf.errors import AacError
from aac_tf.inference.confidence import caption_confidence, heard_sounds
from aac_tf.inference.sounds import Sound, strongest_sounds
from aac_tf.inference.timeline_graph import BATCH_WINDOWS, NOTHING_BEFORE, TimelineGraph

# Percents of the work after which a sound is read, and has gone through the frozen network.
_READ, _HEARD = 20, 60


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


def caption_timeline(captioner, sound, search, sample_rate=None, style=None, constraints=None, progress=None):
    """Captions a sound over time; see `Captioner.timeline`.

    Args:
        captioner: `Captioner` of a single model.
        sound: path or waveform, as for `Captioner.caption`.
        search: `Search`.
        sample_rate: as for `Captioner.caption`.
        style: str, as for `Captioner.caption`.
        constraints: `Constraints`; None takes those of the config.
        progress: optional function `(done, total)` of percents.

    Returns:
        list of `Segment`, from the start of the sound to its end without gaps.

    Raises:
        TimelineError: if the captioner has several models.
        AudioError: if the sound cannot be used.
    """
    graph, progress = timeline_graph(captioner, search, constraints), progress or (lambda done, total: None)
    progress(0, 100)
    sound = captioner.front_end.read(sound, sample_rate)
    progress(_READ, 100)
    rows, scores = graph.hear(sound.features)
    progress(_HEARD, 100)
    return describe_rows(captioner, graph, rows, scores, sound.features, sound.seconds, style, progress)


def timeline_graph(captioner, search, constraints=None):
    """The `TimelineGraph` of a captioner, compiled once and kept in it.

    Raises:
        TimelineError: if the captioner has several models.
    """
    if len(captioner.model.members) > 1:
        raise TimelineError(
            "captions over time take a single run: several runs, and --rerank, caption whole sounds only"
        )
    key = search, captioner.constraints if constraints is None else constraints
    if key not in captioner.timelines:
        captioner.timelines[key] = TimelineGraph(captioner, search, captioner.rules(constraints))
    return captioner.timelines[key]


def describe_rows(captioner, graph, rows, scores, features, seconds, style, progress):
    """Divides the inputs of the encoder into segments and captions these.

    Args:
        captioner: `Captioner`.
        graph: its `TimelineGraph`.
        rows: float32 `[rows, width]`, from `graph.hear`.
        scores: float32 `[rows, classes]`, from `graph.hear`.
        features: float32 `[frames, bins]`, from which they were computed.
        seconds: float, length of the sound.
        style: str, as for `Captioner.caption`.
        progress: as for `caption_timeline`.

    Returns:
        list of `Segment`.
    """
    planned = graph.plan(rows, scores, features, NOTHING_BEFORE)
    begin, end, silent = (value.numpy() for value in planned[:3])
    vocabulary = captioner.vocabulary
    tokens = np.full([len(begin), vocabulary.max_words + 1], vocabulary.end_id, np.int32)
    log_probs, word_log_probs = np.zeros([len(begin)], np.float32), [None] * len(begin)
    (heard,) = np.nonzero(~silent)
    for first in range(0, len(heard), BATCH_WINDOWS):
        batch = heard[first : first + BATCH_WINDOWS]
        start = tf.fill([len(batch)], captioner.start_id(style))
        found, values, encoded, steps = graph.describe(rows, begin[batch], end[batch], start)
        tokens[batch], log_probs[batch] = found, values
        for index, words in zip(batch, captioner.word_log_probs(found, encoded, steps, start)):
            word_log_probs[index] = words
        progress(_HEARD + (100 - _HEARD) * first // len(heard), 100)
    progress(100, 100)
    silent |= (tokens == vocabulary.end_id).all(axis=1)
    segment, chosen = (value.numpy() for value in graph.merge(silent, tokens, log_probs))
    firsts = np.flatnonzero(np.diff(segment, prepend=-1))
    lasts = np.append(firsts[1:], len(segment)) - 1
    count = -(-len(rows) // graph.cells.rows)
    bounds = np.append(begin[firsts] // graph.cells.rows, count)
    edges = graph.cells.edges(bounds, count, seconds).numpy()
    scores, segments = scores.numpy(), []
    for index, (first, last, window) in enumerate(zip(firsts, lasts, chosen)):
        times, heard = edges[index : index + 2].tolist(), scores[begin[first] : end[last]]
        words = None if silent[window] else tokens[window]
        segments.append(make_segment(captioner, times, words, word_log_probs[window], heard, int(begin[first])))
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
