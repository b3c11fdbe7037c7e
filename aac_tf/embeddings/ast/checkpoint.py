"""AST's checkpoint files: PyTorch's names and layout, read and written without PyTorch.

transformers' own reader wants more of an open file than safetensors gives, and reshapes weights of another shape.
"""

from __future__ import annotations

import os

import tensorflow as tf
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from transformers.utils import SAFE_WEIGHTS_NAME, cached_file

_LEAVES = {"kernel": "weight", "gamma": "weight", "beta": "bias"}


def find_checkpoint(name, **hub):
    """Path of a model's `model.safetensors`.

    Args:
        name: folder, or name of a model on the hub.
        **hub: how to look on the hub, as for transformers' `cached_file`.

    Returns:
        str; None where the weights are in other files.

    Raises:
        OSError: no such folder or model.
    """
    try:
        return cached_file(name, SAFE_WEIGHTS_NAME, _raise_exceptions_for_missing_entries=False, **hub)
    except HFValidationError as error:
        raise OSError(f"there is no folder {name}, and no model on the hub can be called so") from error


def load_checkpoint(model, path):
    """Assigns a model the weights that a file has for it.

    Args:
        model: built `TFASTPreTrainedModel`.
        path: path of a `model.safetensors`, of a model with or without a head.

    Returns:
        dict of lists: `missing_keys`, `unexpected_keys`, and `mismatched_keys` of (name, shape there, shape here).

    Raises:
        OSError: the file is damaged.
    """
    try:
        with safe_open(path, framework="tf") as file:
            return _assign(model, {_full_name(name, model): name for name in file.keys()}, file.get_tensor)  # noqa: SIM118
    except SafetensorError as error:
        raise OSError(f"{path} is damaged, or not a safetensors file: {error}") from error


def save_checkpoint(model, folder):
    """Writes a model's weights as `model.safetensors`.

    Args:
        model: built `TFASTPreTrainedModel`.
        folder: path of a folder that exists.
    """
    # The model without a head has no prefix in PyTorch.
    prefix = "" if hasattr(model, "classifier") else f"{model.base_model_prefix}."
    arrays = {}
    for weight in model.weights:
        layout = _layout(weight)
        value = tf.transpose(weight, layout) if layout else tf.convert_to_tensor(weight)
        arrays[_pytorch_name(weight).removeprefix(prefix)] = value.numpy()
    save_file(arrays, os.path.join(folder, SAFE_WEIGHTS_NAME), metadata={"format": "pt"})


def check_loaded(model, info, ignore_mismatched_sizes=False):
    """Raises ValueError if a checkpoint was not that of the model.

    Args:
        model: model that was loaded.
        info: dict, from `load_checkpoint` or transformers.
        ignore_mismatched_sizes: bool, whether weights may have had other shapes.
    """
    wrong = [f"{name} is missing" for name in sorted(info["missing_keys"])]
    wrong += [f"{name} is unexpected" for name in sorted(info["unexpected_keys"])]
    if not ignore_mismatched_sizes:
        wrong += [f"{name} is {there}, not {here}" for name, there, here in info["mismatched_keys"]]
    if wrong:
        wrong = [*wrong[:4], f"and {len(wrong) - 4} more"] if len(wrong) > 4 else wrong
        raise ValueError(
            f"the weights are not those of {type(model).__name__} with this configuration: {'; '.join(wrong)}. For "
            "another max_length load the model as it is and call resize_time(max_length); strict=False takes what fits"
        )


def _assign(model, stored, read):
    missing, mismatched = [], []
    for weight in model.weights:
        name, layout = _pytorch_name(weight), _layout(weight)
        expected = [weight.shape[axis] for axis in layout] if layout else weight.shape.as_list()
        if name not in stored:
            missing.append(name)
            continue
        value = read(stored.pop(name))
        if value.shape.as_list() != expected:
            mismatched.append((name, value.shape.as_list(), expected))
            continue
        weight.assign(tf.cast(tf.transpose(value, tf.argsort(layout)) if layout else value, weight.dtype))
    # A model without a head has no use for the classifier of the published checkpoint.
    unexpected = [name for name in stored if hasattr(model, "classifier") or not name.startswith("classifier.")]
    return {"missing_keys": missing, "unexpected_keys": unexpected, "mismatched_keys": mismatched}


def _full_name(name, model):
    prefix = f"{model.base_model_prefix}."
    return name if name.startswith((prefix, "classifier.")) else prefix + name


def _pytorch_name(weight):
    """`model/encoder/layer_._0/intermediate/dense/kernel:0` to `encoder.layer.0.intermediate.dense.weight`."""
    *path, leaf = weight.name.split(":")[0].replace("_._", "/").split("/")[1:]
    return ".".join([*path, _LEAVES.get(leaf, leaf)])


def _layout(weight):
    """The axes of a kernel in PyTorch's order; None for weights that are laid out alike."""
    if not weight.name.split(":")[0].endswith("/kernel"):
        return None
    return [3, 2, 0, 1] if len(weight.shape) == 4 else [1, 0]
