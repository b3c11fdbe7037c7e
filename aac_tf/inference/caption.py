"""A caption, its words, and what each of them attended to."""

import dataclasses
from typing import List, Tuple

import numpy as np


@dataclasses.dataclass(frozen=True)
class Alternative:
    """A further caption that the search found."""

    text: str
    log_prob: float


@dataclasses.dataclass(frozen=True, eq=False)
class Word:
    """A word of a caption, and where in the sound the model attended to for it.

    Attributes:
        text: the word.
        weights: float32 numpy array `[steps]`, attention to each step of the encoder; they sum to 1.
        peak: seconds, middle of the step with the largest weight.
        interval: (begin, end) in seconds of the shortest run of steps that holds half of the weight.
    """

    text: str
    weights: np.ndarray
    peak: float
    interval: Tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Caption:
    """What a sound is described as.

    Attributes:
        text: the caption, lower case, without punctuation.
        log_prob: natural logarithm of its probability under the model, the end of the caption included.
        alternatives: list of `Alternative`, the search's other captions, best first; empty for greedy search.
        words: list of `Word`, the caption's words with the attention that each was chosen by.
        step_edges: float numpy array `[steps + 1]`, seconds: step i of the words' weights covers the time from edge i
            to edge i + 1.
    """

    text: str
    log_prob: float
    alternatives: List[Alternative]
    words: List[Word] = dataclasses.field(repr=False, compare=False)
    step_edges: np.ndarray = dataclasses.field(repr=False, compare=False)


def make_caption(hypotheses, words, weights, step_times, seconds):
    """Puts together a `Caption`.

    Args:
        hypotheses: list of `Alternative`, best first.
        words: list of str, the words of the best.
        weights: float32 numpy array `[words or more, steps]`, their attention.
        step_times: (first, hop) in seconds; step i is centred at first + i * hop.
        seconds: float, length of the sound.

    Returns:
        `Caption`.
    """
    first, hop = step_times
    centers = first + hop * np.arange(weights.shape[1])
    edges = np.concatenate([[0.0], (centers[1:] + centers[:-1]) / 2, [seconds]])
    # The last window may reach beyond the sound, and a sound may be shorter than half a window.
    edges = np.minimum(edges, seconds)
    heard = []
    for word, own in zip(words, weights):
        step = int(np.argmax(own))
        heard.append(Word(word, own, float(edges[step : step + 2].mean()), _half_interval(own, edges)))
    return Caption(hypotheses[0].text, hypotheses[0].log_prob, hypotheses[1:], heard, edges)


def _half_interval(weights, edges):
    """Begin and end of the shortest run of steps with half of the weight."""
    total = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
    # For every first step, the earliest last step with which the run holds half.
    last = np.searchsorted(total, total[:-1] + 0.5 * total[-1] - 1e-9)
    runs = [(edges[end] - edges[begin], begin, end) for begin, end in enumerate(last) if end < len(total)]
    _, begin, end = min(runs)
    return float(edges[begin]), float(edges[end])
