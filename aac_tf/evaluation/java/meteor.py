"""METEOR 1.5, kept open: its paraphrase table takes longer to load than a thousand captions to score."""

import pathlib
import threading

import numpy as np
from pycocoevalcap.meteor import meteor

from aac_tf.evaluation.java.process import JavaProgram, MetricError

_STATISTICS = 23  # numbers that METEOR counts in a caption


class Meteor:
    """Scores captions with the jar that pycocoevalcap ships (Denkowski & Lavie, 2014), options as pycocoevalcap's.

    The jar is started by the first caption and kept until `close`, or the end of the Python program.
    """

    def __init__(self):
        self._program = None
        self._lock = threading.Lock()

    def count(self, references, prediction):
        """What METEOR counts in a caption, which it computes scores from.

        Args:
            references: list of captions, tokenized.
            prediction: a caption, tokenized.

        Returns:
            list of 23 floats.
        """
        parts = [_without_separator(text) for text in (*references, prediction)]
        (answer,) = self._ask(" ||| ".join(["SCORE", *parts]))
        return self._numbers(answer, _STATISTICS)

    def score(self, counts):
        """Scores of counts.

        Args:
            counts: float array `[captions, 23]`.

        Returns:
            float64 array `[captions]`, each one's score, and the score of all together.
        """
        line = " ||| ".join(["EVAL", *(" ".join(map(repr, map(float, numbers))) for numbers in counts)])
        answers = self._ask(line, len(counts) + 1)
        *scores, together = (self._numbers(answer, 1)[0] for answer in answers)
        return np.array(scores), together

    def close(self):
        """Ends the jar; the next caption starts it again."""
        if self._program is not None:
            self._program.close()
            self._program = None

    def _ask(self, line, answers=1):
        with self._lock:
            if self._program is None or not self._program.usable:
                jar = pathlib.Path(meteor.__file__).with_name(meteor.METEOR_JAR)
                self._program = JavaProgram("METEOR", [jar], "Meteor", ["-", "-", "-stdio", "-l", "en", "-norm"])
            return self._program.ask(line, answers)

    def _numbers(self, answer, expected):
        try:
            numbers = [float(word) for word in answer.split()]
        except ValueError:
            numbers = []
        if len(numbers) == expected and np.isfinite(numbers).all():
            return numbers
        self.close()  # answers may be left unread
        raise MetricError(f"METEOR answered {answer[:80]!r} where {expected} numbers were due")


def summable(counts):
    """Counts whose sum has the score that METEOR gives the captions together.

    METEOR leaves the chunk of a caption that equals its reference out of sums; so it is taken away here.

    Args:
        counts: float array `[captions, 23]`.

    Returns:
        float array `[captions, 23]`.
    """
    counts = np.array(counts)
    test_length, reference_length = counts[:, 0], counts[:, 1]
    chunks, test_matches, reference_matches = counts[:, 20:].T
    same = (test_matches == test_length) & (reference_matches == reference_length) & (chunks == 1)
    counts[same, 20] = 0
    return counts


def _without_separator(caption):
    """A caption without the characters that METEOR separates captions with."""
    while "|||" in caption:
        caption = caption.replace("|||", "")
    return " ".join(caption.split())


METEOR = Meteor()  # for the whole program
