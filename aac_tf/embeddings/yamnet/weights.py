"""Reads YAMNet's weights by name from any of the file formats in which they are published."""

from __future__ import annotations

import pathlib
import re

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.embeddings.yamnet.network import kernel_shapes

# The largest kernel has 4 MB, 8 MB as float64.
_MAX_BYTES = 1 << 24
_EPSILON = 1e-4  # of the batch normalization in the published network

# layer7/pointwise_conv/bn/moving_mean in yamnet.h5 and in the TF-Hub model; l7p/bias in folded weights.
_PUBLISHED = re.compile(
    r"(?:^|/)(?P<layer>layer\d+/(?:depthwise_|pointwise_)?conv)(?:/bn)?/"
    r"(?P<part>kernel|depthwise_kernel|bias|gamma|beta|moving_mean|moving_variance)$"
)
_FOLDED = re.compile(r"^l(?P<number>\d+)(?P<kind>[dp]?)/(?P<part>kernel|bias)$")
_CLASSIFIER = re.compile(r"(?:^|/)(?:d|dense|logits|predictions)(?:_\d+)?/(?P<part>kernel|bias)$")
_NORMALIZATION = {"beta", "moving_mean", "moving_variance"}
_KINDS = {"": "conv", "d": "depthwise_conv", "p": "pointwise_conv"}


def read_weights(path):
    """Reads the weights of YAMNet, with batch normalization folded into kernels and biases.

    Args:
        path: path of an `.npz` with folded weights, of the published `yamnet.h5`, or of the folder of the TF-Hub model,
            a SavedModel.

    Returns:
        {layer/kernel, layer/bias: float32 array} for every layer of `kernel_shapes()`.

    Raises:
        EmbeddingError: if the file is damaged or of another kind, or a variable is missing, unknown, not finite or has
            the wrong shape.
    """
    path = pathlib.Path(path)
    try:
        variables = _reader(path)(path)
    except EmbeddingError:
        raise
    except Exception as error:  # libraries raise anything on damaged files; TensorFlow for instance IndexError
        raise EmbeddingError(f"{path} is damaged or truncated, download it again: {error}") from error
    layers, unknown = _by_layer(variables)
    _check(path, layers, unknown)
    return _fold(layers)


def _reader(path):
    if path.is_dir():
        return _read_saved_model
    with open(path, "rb") as file:
        start = file.read(8)
    if start.startswith(b"PK"):
        return _read_npz
    if start == b"\x89HDF\r\n\x1a\n":
        return _read_h5
    raise EmbeddingError(
        f"{path} is neither an .npz nor an .h5 file; expected one of these, or the folder of a SavedModel (unpack an "
        "archive first)"
    )


def _read_npz(path):
    with np.load(path, allow_pickle=False) as arrays:
        for info in arrays.zip.infolist():
            _check_size(path, info.filename, info.file_size)
        return {name: arrays[name] for name in arrays.files}


def _read_h5(path):
    import h5py

    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            _check_size(path, name, item.size * item.dtype.itemsize)
            found[name] = np.asarray(item)

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def _check_size(path, name, count):
    """Refuses a variable before it is read if it is larger than any of YAMNet's."""
    if count > _MAX_BYTES:
        raise EmbeddingError(
            f"{path} does not contain YAMNet's weights; {name} has {count} bytes, more than any of its variables"
        )


def _read_saved_model(folder):
    if not (folder / "saved_model.pb").is_file():
        raise EmbeddingError(f"{folder} has no saved_model.pb: expected the folder of a SavedModel")
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    keys = reader.get_variable_to_shape_map()
    for name, shape in keys.items():
        _check_size(folder, name, 8 * int(np.prod(shape, dtype=np.float64)))
    # TensorFlow 2 stores variables under their path in the object graph; their names are in a separate table.
    names = {key: key for key in keys}
    if "_CHECKPOINTABLE_OBJECT_GRAPH" in names:
        del names["_CHECKPOINTABLE_OBJECT_GRAPH"]
        graph = TrackableObjectGraph()
        graph.ParseFromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
        stored = [attribute for node in graph.nodes for attribute in node.attributes]
        names.update({item.checkpoint_key: item.full_name for item in stored if item.full_name})
    return {name: reader.get_tensor(key) for key, name in names.items() if not _is_bookkeeping(name)}


def _is_bookkeeping(name):
    return name.split("/")[-1].lower() in ("save_counter", "global_step")


def _by_layer(variables):
    """{layer: {part: array}}, and the names of variables that belong to no layer."""
    layers, unknown = {}, []
    for name, value in variables.items():
        layer, part = _place(name.split(":")[0])
        if layer is None or part in layers.get(layer, {}):
            unknown.append(name)
        else:
            layers.setdefault(layer, {})[part] = np.asarray(value)
    return layers, unknown


def _place(name):
    found = _PUBLISHED.search(name)
    if found:
        return found["layer"], found["part"].replace("depthwise_kernel", "kernel")
    found = _FOLDED.match(name)
    if found:
        return f"layer{found['number']}/{_KINDS[found['kind']]}", found["part"]
    found = _CLASSIFIER.search(name)
    return ("classifier", found["part"]) if found else (None, None)


def _check(path, layers, unknown):
    missing, misshaped, wrong = [], [], []
    shapes = kernel_shapes()
    unknown = unknown + [f"{layer}/{part}" for layer in layers if layer not in shapes for part in layers[layer]]
    for layer, shape in shapes.items():
        parts = layers.get(layer, {})
        normalized = bool(_NORMALIZATION & set(parts))
        expected = {"kernel"} | (_NORMALIZATION if normalized else {"bias"})
        missing += [f"{layer}/{part}" for part in sorted(expected - set(parts))]
        unknown += [f"{layer}/{part}" for part in sorted(set(parts) - expected - ({"gamma"} if normalized else set()))]
        channels = shape[2:3] if _is_depthwise(layer) else shape[-1:]
        for part, value in parts.items():
            right = shape if part == "kernel" else channels
            if value.shape != right:
                misshaped.append(f"{layer}/{part} {list(value.shape)} instead of {list(right)}")
            elif not np.isfinite(value).all() or (part == "moving_variance" and value.min() < 0):
                wrong.append(f"{layer}/{part}")
    problems = {"missing": missing, "unknown": unknown, "wrong shape": misshaped, "not finite": wrong}
    found = [f"{kind}: {shortened(names)}" for kind, names in problems.items() if names]
    if found:
        raise EmbeddingError(f"{path} does not contain YAMNet's weights; " + "; ".join(found))


def shortened(names, shown=4):
    """The first of a list of names, and how many more there are, as str."""
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _fold(layers):
    weights = {}
    for layer in kernel_shapes():
        parts = {part: value.astype(np.float64) for part, value in layers[layer].items()}
        kernel, bias = parts["kernel"], parts.get("bias")
        if bias is None:
            scale = parts.get("gamma", 1.0) / np.sqrt(parts["moving_variance"] + _EPSILON)
            bias = parts["beta"] - scale * parts["moving_mean"]
            kernel = kernel * (scale[:, np.newaxis] if _is_depthwise(layer) else scale)
        weights[f"{layer}/kernel"] = kernel.astype(np.float32)
        weights[f"{layer}/bias"] = bias.astype(np.float32)
    return weights


def _is_depthwise(layer):
    # Its kernel is [height, width, channels, 1]; in the other kernels output channels come last.
    return layer.endswith("depthwise_conv")
