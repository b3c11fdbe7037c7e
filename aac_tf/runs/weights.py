"""The weights of a published run: a safetensors file, whose names are those of the checkpoints."""

import pathlib
import re

import numpy as np
import tensorflow as tf
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from aac_tf.runs.errors import RunError

# The model of a checkpoint has the optimizer that it was compiled with.
_KEY = re.compile(r"model/(?!optimizer/)(?P<name>.+)/\.ATTRIBUTES/VARIABLE_VALUE")


def read_checkpoint(checkpoint):
    """Reads the weights of a run's checkpoint.

    Args:
        checkpoint: str, path as from `tf.train.latest_checkpoint`.

    Returns:
        {name: float32 array}, without what only training needs, such as the random state of dropout.

    Raises:
        RunError: if it is damaged or has weights that are not finite.
    """
    try:
        reader = tf.train.load_checkpoint(checkpoint)
        found = {_KEY.fullmatch(key): key for key in reader.get_variable_to_shape_map()}
        weights = {match["name"]: reader.get_tensor(key) for match, key in found.items() if match}
    except Exception as error:  # TensorFlow raises anything for damaged files
        raise RunError(f"{checkpoint} is damaged or truncated: {error}") from error
    weights = {name: value for name, value in weights.items() if value.dtype.kind == "f"}
    if not weights or not all(np.isfinite(value).all() for value in weights.values()):
        raise RunError(f"{checkpoint} has {'weights that are not finite' if weights else 'no weights'}")
    return weights


def save_weights(weights, path, half=True):
    """Writes weights.

    Args:
        weights: {name: float array}.
        path: path of the `.safetensors` file.
        half: bool, whether to round them to float16.

    Raises:
        RunError: if a weight is beyond the range of float16.
    """
    stored = {}
    for name, value in weights.items():
        with np.errstate(over="ignore"):
            stored[name] = np.ascontiguousarray(value, np.float16 if half else np.float32)
        if not np.isfinite(stored[name]).all():
            raise RunError(f"{name} has weights up to {np.abs(value).max():.3g}, beyond float16: use float32")
    # Not `save_file`, which makes files that only their owner can read.
    pathlib.Path(path).write_bytes(save(stored, metadata={"format": "tf"}))


def load_weights(model, path):
    """Loads the weights of a published run into a built model.

    Args:
        model: `CaptioningModel`.
        path: path of the `.safetensors` file.

    Raises:
        RunError: if the file is damaged or does not fit the model.
    """
    path = pathlib.Path(path)
    try:
        weights = load_file(str(path))
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path} is damaged, or not a safetensors file: {error}") from error
    view, missing = tf.train.TrackableView(model), {id(weight): weight for weight in model.weights}
    for name, value in weights.items():
        variable = _find(view, model, name)
        if not isinstance(variable, tf.Variable):
            raise RunError(f"{path} does not fit the run's config: the model has no weights {name}")
        if tuple(value.shape) != tuple(variable.shape) or value.dtype.kind != "f":
            raise RunError(
                f"{path} does not fit the run's config: {name} is {value.dtype} {list(value.shape)}, expected "
                f"{variable.dtype.name} {list(variable.shape)}"
            )
        if not np.isfinite(value).all():
            raise RunError(f"{path} has weights that are not finite")
        variable.assign(value.astype(np.float32))
        missing.pop(id(variable), None)
    lacking = [weight.name for weight in missing.values() if weight.dtype.is_floating]
    if lacking:
        raise RunError(f"{path} does not fit the run's config: it lacks {', '.join(sorted(lacking)[:4])}")


def _find(view, model, name):
    """The part of a model with this path, such as `decoder/_classifier/kernel`, or None."""
    found = model
    for part in name.split("/"):
        found = view.children(found).get(part)
        if found is None:
            return None
    return found
