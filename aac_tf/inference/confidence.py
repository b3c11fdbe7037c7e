"""How likely it is that the sounds that a caption names are in the recording."""

import dataclasses
import functools
import math
from typing import Dict, Tuple

import numpy as np

from aac_tf.runs.errors import RunError
from aac_tf.scenes.mentions import find_mentions
from aac_tf.scenes.wording import canonical_category, categories_for

# Chosen on composed scenes, see docs/decisions/inference.md.
UNSURE_BELOW = 0.4
FEATURES = ("word", "caption", "heard", "unknown")
_MIN_SCORE = 1e-3  # YAMNet's scores below it differ by chance only


@dataclasses.dataclass(frozen=True)
class NamedSound:
    """A sound that a caption names.

    Attributes:
        name: str, its category in the table of sounds (`aac_tf/scenes/sounds.yaml`), such as `dog bark`.
        confidence: float from 0 to 1, how likely it is that the sound is in the recording.
        evidence: what the confidence is computed from, float for each of `FEATURES`: the lowest log-probability of
            the words that name the sound; the mean log-probability of all words of the caption; the log-odds of the
            highest score that the frozen encoder's classifier gives one of the sound's classes, 0 if it has none; and
            1 if it has none.
    """

    name: str
    confidence: float
    evidence: Tuple[float, ...] = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Computes confidences: logistic regression, fitted by `aac_tf.evaluation.calibration.fit_calibration`.

    Args:
        weights: `{feature: weight}` for all `FEATURES`.
        bias: float.
        categories: labels of sounds to look for in captions, in addition to those of the table.
        unsure_below: float, captions with a lower confidence are unsure.

    Example:
        >>> from aac_tf.inference.confidence import Calibration
        >>> calibration = Calibration({"word": 1.0, "caption": 0.0, "heard": 1.0, "unknown": -1.0}, bias=1.0)
        >>> words, log_probs = ["a", "dog", "barks"], [-0.1, -0.2, -0.1, -0.1]
        >>> (sound,) = calibration.judge(words, log_probs, {"dog bark": 0.9})
        >>> sound.name, round(sound.confidence, 3)
        ('dog bark', 0.952)
        >>> round(calibration.judge(words, log_probs, {"dog bark": 0.001})[0].confidence, 3)
        0.002
    """

    weights: Dict[str, float]
    bias: float = 0.0
    categories: Tuple[str, ...] = ()
    unsure_below: float = UNSURE_BELOW

    def judge(self, words, log_probs, heard=None):
        """Finds the sounds that a caption names and computes their confidences.

        Args:
            words: list of str, the words of the caption.
            log_probs: sequence of float, log-probability of each word, and of the end.
            heard: `{category: score}` from `heard_sounds`; None if the run has no classifier of sounds.

        Returns:
            list of `NamedSound`, in the order of the caption.
        """
        places = {}
        for start, end, category in find_mentions(words, self.categories):
            places.setdefault(category, []).append(min(log_probs[start:end]))
        caption = float(np.mean(log_probs[: len(words) + 1]))
        found = []
        for category, lowest in places.items():
            score = None if heard is None else _score(category, heard)
            evidence = (float(min(lowest)), caption, 0.0 if score is None else _log_odds(score), float(score is None))
            logit = self.bias + sum(self.weights[name] * value for name, value in zip(FEATURES, evidence))
            found.append(NamedSound(category, _sigmoid(logit), evidence))
        return found

    @classmethod
    def from_dict(cls, stored):
        """Reads what `to_dict` returned.

        Raises:
            ValueError: if it is something else.
        """
        try:
            weights = {name: float(stored["weights"][name]) for name in FEATURES}
            bias, below = float(stored["bias"]), float(stored["unsure_below"])
            categories = tuple(stored["categories"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"expected weights of {', '.join(FEATURES)}, bias, unsure_below and categories") from error
        if not all(map(math.isfinite, [*weights.values(), bias, below])):
            raise ValueError("weights, bias and unsure_below must be finite")
        if not all(isinstance(category, str) for category in categories):
            raise ValueError("categories must be a list of strings")
        return cls(weights, bias, categories, below)

    def to_dict(self):
        """A dict for JSON."""
        return {**dataclasses.asdict(self), "categories": list(self.categories)}


def caption_confidence(named, unsure_below=0.0):
    """Computes the confidence of a caption from those of the sounds that it names.

    Args:
        named: list of `NamedSound`; None if the run was not calibrated.
        unsure_below: float, threshold of the confidence.

    Returns:
        (confidence, unsure): float, the mean of the confidences to two decimals, or None if there are none; and bool,
        whether it is below the threshold.

    Example:
        >>> from aac_tf.inference.confidence import NamedSound, caption_confidence
        >>> caption_confidence([NamedSound("rain", 0.25, ()), NamedSound("wind", 0.5, ())], unsure_below=0.4)
        (0.38, True)
    """
    # To two decimals, as it is shown: otherwise 0.398 would be shown as 0.40 and yet be below 0.4.
    confidence = round(float(np.mean([sound.confidence for sound in named])), 2) if named else None
    return confidence, confidence is not None and confidence < unsure_below


def read_calibration(run):
    """Loads the `Calibration` of a `Run`; None if it was not calibrated.

    Raises:
        RunError: if the file is damaged.
    """
    stored = run.calibration()
    try:
        return None if stored is None else Calibration.from_dict(stored)
    except ValueError as error:
        raise RunError(f"{run.name}/{run.CALIBRATION} is damaged: {error}; aac-calibrate writes it") from error


def heard_sounds(peaks, class_names):
    """Translates the scores of a classifier's classes to the categories of the table of sounds.

    Args:
        peaks: float array `[classes]`, the highest score of each class in the recording.
        class_names: names of the classes.

    Returns:
        `{category: score}`, the highest of the classes of each category.
    """
    return {category: float(peaks[list(classes)].max()) for category, classes in _classes(tuple(class_names)).items()}


@functools.lru_cache(maxsize=4)
def _classes(names):
    classes = {}
    for index, name in enumerate(names):
        classes.setdefault(canonical_category(name), []).append(index)
    return classes


def _score(category, heard):
    """The highest score of a category and its members; None if the classifier knows none of them."""
    return max((heard[name] for name in categories_for(category, heard)), default=None)


def _log_odds(score):
    score = min(max(score, _MIN_SCORE), 1 - _MIN_SCORE)
    return math.log(score / (1 - score))


def _sigmoid(logit):
    return 1 / (1 + math.exp(-max(min(logit, 700), -700)))
