"""METEOR 1.5 as a running program.

Reading its table of five million paraphrases takes longer than scoring a thousand captions. Our class that replaces
METEOR's reads it once and keeps it in the cache folder (90 MB), in a form that need not be read whole.
"""

import os
import pathlib
import threading

import numpy as np

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.java import jars
from aac_tf.evaluation.java.process import JavaProgram
from aac_tf.utils.cache import cache_folder

_HELPER = pathlib.Path(__file__).with_name("meteor_helper") / "meteor_helper.jar"
_STATISTICS = 23  # numbers that METEOR counts per caption


class METEORProgram:
    """Runs the jar that pycocoevalcap ships, with pycocoevalcap's options.

    The program starts with `start` or the first caption and runs until `close` is called or Python exits. Threads may
    share it.
    """

    def __init__(self):
        self._program = None
        self._lock = threading.Lock()

    def start(self):
        """Starts the program, unless it is running, and does not wait until it is ready.

        Raises:
            MetricError: if it cannot be started.
        """
        with self._lock:
            self._running()

    def count(self, prediction, references):
        """Counts the statistics of a caption from which METEOR computes scores.

        Args:
            prediction: str, a tokenized caption.
            references: list of str, tokenized captions.

        Returns:
            list of 23 floats.

        Raises:
            MetricError: if the program fails.
        """
        parts = [_without_separator(text) for text in (*references, prediction)]
        (answer,) = self._ask(" ||| ".join(["SCORE", *parts]))
        return self._numbers(answer, _STATISTICS)

    def score(self, counts):
        """Computes scores from statistics.

        Args:
            counts: float array `[captions, 23]`.

        Returns:
            The score of each caption, float64 `[captions]`, and the score of all captions together, float.

        Raises:
            MetricError: if the program fails.
        """
        line = " ||| ".join(["EVAL", *(" ".join(map(repr, map(float, numbers))) for numbers in counts)])
        answers = self._ask(line, len(counts) + 1)
        *scores, together = (self._numbers(answer, 1)[0] for answer in answers)
        return np.array(scores), together

    def close(self):
        """Ends the program; the next caption starts it again."""
        if self._program is not None:
            self._program.close()
            self._program = None

    def _ask(self, line, answers=1):
        with self._lock:
            return self._running().ask(line, answers)

    def _running(self):
        if self._program is None or not self._program.usable:
            arguments = ["-", "-", "-stdio", "-l", "en", "-norm"]
            # The helper comes first, so that its class is found before METEOR's of the same name.
            self._program = JavaProgram("METEOR", [_HELPER, jars.METEOR], "Meteor", arguments, options=_table())
        return self._program

    def _numbers(self, answer, expected):
        try:
            numbers = [float(word) for word in answer.split()]
        except ValueError:
            numbers = []
        if len(numbers) == expected and np.isfinite(numbers).all():
            return numbers
        self.close()  # further answers may still be unread
        raise MetricError(f"METEOR answered {answer[:80]!r}, expected {expected} numbers")


def _table():
    """Java's option that names the file of the paraphrases; none if it cannot be kept."""
    source, folder = jars.METEOR.with_name("data") / "paraphrase-en.gz", cache_folder() / "meteor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"paraphrases-{source.stat().st_size}.bin"
    except OSError:
        return []
    return [f"-Daac_tf.paraphrases={path}"] if path.exists() or os.access(folder, os.W_OK) else []


def _without_separator(caption):
    """A caption without the characters that METEOR separates captions with."""
    while "|||" in caption:
        caption = caption.replace("|||", "")
    return " ".join(caption.split())


PROGRAM = METEORProgram()  # shared by the whole Python program
