"""Captions with the attention of their words."""

import dataclasses
from typing import List, Optional, Tuple

import numpy as np

from aac_tf.decoding.function_words import FUNCTION_WORDS
from aac_tf.inference.confidence import NamedSound, caption_confidence
from aac_tf.inference.sounds import Sound


@dataclasses.dataclass(frozen=True)
class Alternative:
    """A caption of a search, with its score.

    Attributes:
        text: str, the caption.
        log_prob: float, natural logarithm of its probability under the model.
    """

    text: str
    log_prob: float


@dataclasses.dataclass(frozen=True, eq=False)
class Word:
    """A word of a caption, and the part of the sound that the model attended to when it chose the word.

    Attributes:
        text: str, the word.
        weights: float32 numpy array `[steps]`, attention to each encoder step; its sum is 1.
        peak: float, seconds, middle of the step with the largest weight.
        interval: (begin, end) in seconds of the shortest sequence of steps around the peak with half of the total
            weight.
    """

    text: str
    weights: np.ndarray
    peak: float
    interval: Tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Caption:
    """The caption of a sound.

    Attributes:
        text: str, the caption, in lower case and without punctuation.
        log_prob: float, natural logarithm of its probability under the model, including the end of the caption.
        alternatives: list of `Alternative`, the other captions of the search, best first; empty for greedy search.
        words: list of `Word`, the words of the caption with their attention.
        step_edges: float numpy array `[steps + 1]`, seconds; encoder step i covers the time from edge i to edge i + 1.
        sounds: list of `Sound`, what the frozen encoder's own classifier hears, strongest first; None if the run has no
            frozen encoder with a classifier.
        named_sounds: list of `NamedSound`, the sounds that the caption names and how likely each is there; None if the
            run was not calibrated (`aac-calibrate`).
        confidence: float from 0 to 1, the share of the named sounds that are expected to be there, the mean of their
            confidences to two decimals; 0 for a caption of function words alone, such as "a and a" in noise; None if
            the run was not calibrated, or the caption names no known sound.
        unsure: bool, whether the confidence is below the threshold of the calibration.
    """

    text: str
    log_prob: float
    alternatives: List[Alternative]
    words: List[Word] = dataclasses.field(repr=False, compare=False)
    step_edges: np.ndarray = dataclasses.field(repr=False, compare=False)
    sounds: Optional[List[Sound]] = dataclasses.field(default=None, repr=False, compare=False)
    named_sounds: Optional[List[NamedSound]] = dataclasses.field(default=None, repr=False, compare=False)
    confidence: Optional[float] = dataclasses.field(default=None, compare=False)
    unsure: bool = dataclasses.field(default=False, compare=False)


def make_caption(hypotheses, words, weights, step_times, seconds, sounds=None, named=None, unsure_below=0.0):
    """Makes a `Caption` from the results of a search.

    Args:
        hypotheses: list of `Alternative`, best first.
        words: list of str, the words of the best hypothesis.
        weights: float32 numpy array `[words or more, steps]`, attention of the words.
        step_times: (first, hop) in seconds; step i is centred at first + i * hop.
        seconds: float, length of the sound.
        sounds: list of `Sound`; None if the run has no frozen encoder with a classifier.
        named: list of `NamedSound`; None if the run was not calibrated.
        unsure_below: float, threshold of the confidence.

    Returns:
        `Caption`.
    """
    edges = step_edges(step_times, weights.shape[1], seconds)
    attended = []
    for word, attention in zip(words, weights):
        step = int(np.argmax(attention))
        peak = float(edges[step : step + 2].mean())
        attended.append(Word(word, attention, peak, _half_interval(attention, edges, step)))
    confidence, unsure = caption_confidence(named, unsure_below)
    if named is not None and FUNCTION_WORDS.issuperset(words):  # "a and a", as in noise
        confidence, unsure = 0.0, True
    best, *others = hypotheses
    return Caption(best.text, best.log_prob, others, attended, edges, sounds, named, confidence, unsure)


def step_edges(step_times, steps, seconds):
    """Computes where the steps of a sequence begin and end.

    Args:
        step_times: (first, hop) in seconds; step i is centred at first + i * hop.
        steps: int, number of steps.
        seconds: float, length of the sound.

    Returns:
        float numpy array `[steps + 1]`, seconds; step i covers the time from edge i to edge i + 1.

    Example:
        >>> from aac_tf.inference.caption import step_edges
        >>> step_edges((0.5, 0.5), 4, seconds=2.4).tolist()
        [0.0, 0.75, 1.25, 1.75, 2.4]
    """
    first, hop = step_times
    centers = first + hop * np.arange(steps)
    edges = np.concatenate([[0.0], (centers[1:] + centers[:-1]) / 2, [seconds]])
    # The last window may extend beyond the sound, and a sound may be shorter than half a window.
    return np.minimum(edges, seconds)


def _half_interval(weights, edges, peak):
    """Begin and end of the shortest sequence of steps that has half of the total weight and contains step `peak`."""
    total = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
    # For each first step, the earliest end with which the sequence has half of the weight.
    last = np.maximum(np.searchsorted(total, total[: peak + 1] + 0.5 * total[-1] - 1e-9), peak + 1)
    runs = [(edges[end] - edges[begin], begin, end) for begin, end in enumerate(last) if end < len(total)]
    _, begin, end = min(runs)
    return float(edges[begin]), float(edges[end])
