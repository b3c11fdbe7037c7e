"""The mean and variance of the features that a run was trained with, in its folder."""

import json

import numpy as np

from aac_tf.runs.errors import RunError


def write_normalization(folder, normalization):
    """Writes mean and variance to a run folder that has its vocabulary already.

    Args:
        folder: `RunFolder`.
        normalization: mean and variance of the features, float `[bins]` each.

    Raises:
        RunError: if they are not finite.
    """
    if not np.isfinite(normalization).all():
        raise RunError("the mean or variance of the features is not finite: is a sound file damaged?")
    mean, variance = (np.asarray(values, np.float64).tolist() for values in normalization)
    # The checksum tells files of other runs apart.
    stored = {"mean": mean, "variance": variance, "vocabulary": folder.checksum(folder.VOCABULARY)}
    folder.write_text(folder.NORMALIZATION, json.dumps(stored))


def read_normalization(folder, expected, bins=None):
    """Reads mean and variance from a run folder.

    Args:
        folder: `RunFolder`.
        expected: bool, whether the run normalizes its features.
        bins: int, number of bins that they must have; None accepts any number.

    Returns:
        (mean, variance), float32 numpy arrays `[bins]`; None if the run does not normalize its features.

    Raises:
        RunError: if the file is missing, damaged, of another run or of another number of bins.
    """
    path = folder.shown(folder.NORMALIZATION)
    if (folder.folder / folder.NORMALIZATION).is_file() != expected:
        state = "is missing, but" if expected else "belongs to another run:"
        raise RunError(f"{path} {state} the run's config normalizes {'its' if expected else 'no'} features")
    if not expected:
        return None
    stored = folder.read_json(folder.NORMALIZATION)
    try:
        mean, variance = (np.array(stored[name], np.float32) for name in ("mean", "variance"))
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is damaged: it has no lists of numbers mean and variance") from error
    size = mean.size if bins is None else bins
    if mean.shape != (size,) or variance.shape != (size,):
        raise RunError(f"{path} does not fit the run: expected {size} means and variances, one per dimension")
    if not (np.isfinite(mean).all() and np.isfinite(variance).all() and (variance > 0).all()):
        raise RunError(f"{path} is damaged: means must be finite, and variances finite and above 0")
    vocabulary = folder.checksum(folder.VOCABULARY)
    if stored.get("vocabulary", vocabulary) != vocabulary:
        raise RunError(f"{path} belongs to another run than {folder.VOCABULARY}")
    return mean, variance
