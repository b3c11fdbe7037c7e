"""AST's checkpoint files with PyTorch's names and layout, read and written without PyTorch.

transformers' own reader fails with current releases of safetensors, and silently reshapes weights of another shape.
"""

from __future__ import annotations

import os

import tensorflow as tf
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from transformers.utils import SAFE_WEIGHTS_NAME, cached_file

# Names of weights in Keras and in PyTorch. AST has no `embeddings`, but BERT, which is read with this module, too.
_LEAVES = {"kernel": "weight", "gamma": "weight", "beta": "bias", "embeddings": "weight"}


def find_checkpoint(name, **hub):
    """Finds the `model.safetensors` of a model, on disk or on the hub.

    Args:
        name: folder, or name of a model on the hub.
        **hub: options of the hub, as for transformers' `cached_file`.

    Returns:
        str, its path; None if the weights are in other files.

    Raises:
        OSError: if there is no such folder or model.
    """
    try:
        return cached_file(name, SAFE_WEIGHTS_NAME, _raise_exceptions_for_missing_entries=False, **hub)
    except HFValidationError as error:
        raise OSError(f"there is no folder {name}, and it is not a valid name of a model on the hub") from error


def load_checkpoint(model, path):
    """Loads the weights of a file that fit a model.

    Args:
        model: built `TFASTPreTrainedModel`.
        path: path of a `model.safetensors`, of a model with or without a head.

    Returns:
        dict of lists: `missing_keys`, `unexpected_keys`, and `mismatched_keys`, the latter of (name, shape in the file,
        shape in the model).

    Raises:
        OSError: if the file is damaged.
    """
    try:
        with safe_open(path, framework="tf") as file:
            return _assign(model, {_full_name(name, model): name for name in file.keys()}, file)  # noqa: SIM118
    except SafetensorError as error:
        raise OSError(f"{path} is damaged, or not a safetensors file: {error}") from error


def save_checkpoint(model, folder):
    """Writes a model's weights as `model.safetensors`.

    Args:
        model: built `TFASTPreTrainedModel`.
        folder: path of an existing folder.
    """
    # In PyTorch, names of the model without a head have no prefix.
    prefix = "" if hasattr(model, "classifier") else f"{model.base_model_prefix}."
    arrays = {}
    for weight in model.weights:
        layout = _layout(weight)
        value = tf.transpose(weight, layout) if layout else tf.convert_to_tensor(weight)
        arrays[_pytorch_name(weight).removeprefix(prefix)] = value.numpy()
    save_file(arrays, os.path.join(folder, SAFE_WEIGHTS_NAME), metadata={"format": "pt"})


def check_loaded(model, info, ignore_mismatched_sizes=False):
    """Checks that a checkpoint fits its model.

    Args:
        model: the loaded model.
        info: dict, from `load_checkpoint` or transformers.
        ignore_mismatched_sizes: bool, whether to accept weights with other shapes.

    Raises:
        ValueError: if it does not.
    """
    wrong = [f"{name} is missing" for name in sorted(info["missing_keys"])]
    wrong += [f"{name} is unexpected" for name in sorted(info["unexpected_keys"])]
    if not ignore_mismatched_sizes:
        wrong += [f"{name} is {there}, not {here}" for name, there, here in info["mismatched_keys"]]
    if wrong:
        wrong = [*wrong[:4], f"and {len(wrong) - 4} more"] if len(wrong) > 4 else wrong
        raise ValueError(
            f"the weights do not fit {type(model).__name__} with this configuration: {'; '.join(wrong)}. For another "
            "max_length, load the model unchanged and call resize_time(max_length); strict=False loads what fits"
        )


def _assign(model, stored, file):
    missing, mismatched = [], []
    for weight in model.weights:
        name, layout = _pytorch_name(weight), _layout(weight)
        expected = [weight.shape[axis] for axis in layout] if layout else weight.shape.as_list()
        if name not in stored:
            missing.append(name)
            continue
        # The shape first: a tensor of another size may not fit into memory.
        shape = list(file.get_slice(stored[name]).get_shape())
        if shape != expected:
            del stored[name]
            mismatched.append((name, shape, expected))
            continue
        value = file.get_tensor(stored.pop(name))
        weight.assign(tf.cast(tf.transpose(value, tf.argsort(layout)) if layout else value, weight.dtype))
    # A model without a head ignores the classifier of the published checkpoint.
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
    """The axes of a kernel in PyTorch's order; None for weights with the same layout."""
    if not weight.name.split(":")[0].endswith("/kernel"):
        return None
    return [3, 2, 0, 1] if len(weight.shape) == 4 else [1, 0]
