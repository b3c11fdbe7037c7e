"""Calibration of `Caption.confidence` on clips whose sounds are known."""

import dataclasses
from typing import List

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from aac_tf.audio import AudioError
from aac_tf.build_dataset import build_dataset
from aac_tf.datasets import DatasetError
from aac_tf.inference.confidence import FEATURES, Calibration
from aac_tf.scenes.heard import heard_clips
from aac_tf.scenes.mentions import find_mentions
from aac_tf.scenes.wording import WORDINGS, same_kind, words_of
from aac_tf.utils.counting import counted

MIN_SOUNDS = 50
BINS = 10
_PENALTY = 1.0


@dataclasses.dataclass(frozen=True)
class Judged:
    """A caption, and which of the sounds that it names are there.

    Attributes:
        caption: `Caption` of a captioner with a calibration.
        right: list of bool, for each of its `named_sounds` whether it is in the clip.
    """

    caption: object
    right: List[bool]


def judge_captions(captioner, config, split, calibration=None, progress=None, skip=None):
    """Captions a split and compares the sounds that the captions name with those that are there.

    Those are the events of the clips or, in datasets that do not know them, the sounds that the references name. A
    sound counts as there if one of its kinds is, or if it is a kind of one that is there ("vehicle" and "car").

    Args:
        captioner: `Captioner`.
        config: `Config` that says where the data are.
        split: `train`, `validation` or `test`.
        calibration: `Calibration` for the confidences; None for evidence only.
        progress: optional function `(done, total)`.
        skip: optional function `(name, reason)` that is told which clips cannot be used.

    Returns:
        list of `Judged`, of the captions that name a sound; and the `categories` of the calibration that was used.

    Raises:
        DatasetError: if the dataset has no such split.
    """
    dataset = build_dataset(config)
    scenes = dataset.events(split) or {}
    clips = heard_clips(dataset.require(split), scenes)
    truth = {name: {event.category for event in scene.events} for name, scene in scenes.items()}
    for clip in clips:
        if clip.name not in truth:
            truth[clip.name] = {sound for text in clip.captions for *_, sound in find_mentions(words_of(text))}
    if calibration is None:
        labels = {label for name in truth for label in truth[name]} - set(WORDINGS)
        calibration = Calibration(dict.fromkeys(FEATURES, 0.0), categories=tuple(sorted(labels)))
    before, captioner.calibration = captioner.calibration, calibration
    try:
        styles = [captioner.vocabulary.known_style(clip.style) for clip in clips]
        judged = []
        found = captioner.caption_each([clip.path for clip in clips], style=styles)
        for done, (clip, caption) in enumerate(zip(clips, found), 1):
            if progress:
                progress(done, len(clips))
            if isinstance(caption, AudioError):
                if skip:
                    skip(clip.name, caption.reason)
            elif caption.named_sounds:
                there = truth[clip.name]
                right = [any(same_kind(sound.name, label) for label in there) for sound in caption.named_sounds]
                judged.append(Judged(caption, right))
        return judged, calibration.categories
    finally:
        captioner.calibration = before


def fit_calibration(judged, categories=()):
    """Fits the confidence of a named sound to the frequency with which such sounds are there.

    Args:
        judged: list of `Judged`.
        categories: as for `Calibration`.

    Returns:
        `Calibration`.

    Raises:
        DatasetError: if there are too few named sounds, or all or none of them are there.

    Reference:
        J. Platt, Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods,
        1999: logistic regression of the outcome.
    """
    evidence = np.array([sound.evidence for one in judged for sound in one.caption.named_sounds]).reshape(
        -1, len(FEATURES)
    )
    right = np.array([value for one in judged for value in one.right], float)
    if len(right) < MIN_SOUNDS or not 0 < right.mean() < 1:
        raise DatasetError(
            f"the captions name {counted(len(right), 'sound')}, {int(right.sum())} of which can be heard; a "
            f"calibration needs at least {MIN_SOUNDS} with both outcomes: use a larger split"
        )
    mean, scale = evidence.mean(axis=0), evidence.std(axis=0)
    scale[scale < 1e-9] = np.inf  # a feature that is always the same has the weight 0
    standardized = (evidence - mean) / scale

    def loss(weights):
        logits = weights[0] + standardized @ weights[1:]
        error = expit(logits) - right
        gradient = np.concatenate([[error.sum()], error @ standardized + _PENALTY * weights[1:]])
        return np.sum(np.logaddexp(0, logits) - right * logits) + 0.5 * _PENALTY * np.sum(weights[1:] ** 2), gradient

    bias, *weights = minimize(loss, np.zeros(1 + len(FEATURES)), jac=True, method="BFGS").x
    weights = np.array(weights) / scale
    rounded = {name: round(float(value), 5) for name, value in zip(FEATURES, weights)}
    return Calibration(rounded, round(float(bias - weights @ mean), 5), tuple(categories))


def reliability(judged, unsure_below=0.0):
    """Compares confidences with the share of the named sounds that are there.

    Args:
        judged: list of `Judged`.
        unsure_below: float, threshold of the confidence.

    Returns:
        dict for JSON: `captions` and `bins`, of captions with similar confidence, each with `from`, `captions`, mean
        `confidence` and `right`, the share of their named sounds that are there; `ece`, the expected calibration error
        (mean distance of the two, weighted by captions); `right`, of all; and `unsure` and `sure`, the captions below
        the threshold and the others.

    Reference:
        C. Guo, G. Pleiss, Y. Sun, K. Weinberger, On calibration of modern neural networks, ICML 2017.

    Example:
        >>> from types import SimpleNamespace
        >>> from aac_tf.evaluation.calibration import Judged, reliability
        >>> high, low = SimpleNamespace(confidence=0.8), SimpleNamespace(confidence=0.3)
        >>> found = reliability([Judged(high, [True, True]), Judged(low, [False])], unsure_below=0.4)
        >>> round(found["ece"], 3), found["unsure"]
        (0.25, {'captions': 1, 'confidence': 0.3, 'right': 0.0})
    """
    confidence = np.array([one.caption.confidence for one in judged])
    right = np.array([np.mean(one.right) for one in judged])
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = [
        {"from": index / BINS, **_summary(confidence[place == index], right[place == index])}
        for index in np.unique(place).tolist()
    ]
    distances = [row["captions"] * abs(row["confidence"] - row["right"]) for row in bins]
    unsure = confidence < unsure_below
    return {
        **_summary(confidence, right),
        "ece": sum(distances) / len(judged) if judged else None,
        "bins": bins,
        "unsure": _summary(confidence[unsure], right[unsure]),
        "sure": _summary(confidence[~unsure], right[~unsure]),
    }


def _summary(confidence, right):
    mean = (float(confidence.mean()), float(right.mean())) if len(right) else (None, None)
    return {"captions": len(right), "confidence": mean[0], "right": mean[1]}
