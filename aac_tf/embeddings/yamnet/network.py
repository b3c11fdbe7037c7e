"""The network of YAMNet: from a window of the spectrogram to embedding and class scores."""

from __future__ import annotations

from typing import Dict, Tuple

import tensorflow as tf
import tensorflow_hub as hub
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from aac_tf.audio import YAMNET

WIDTH = 1024
CLASSES = 521
# The first is the default.
PRECISIONS = ("float32", "bfloat16")
_WINDOW = (YAMNET.segment_length, YAMNET.num_bins)
_FIRST_FILTERS = 32
# Stride and filters of the depthwise-separable layers 2 to 14 (MobileNet v1 with width multiplier 1).
_SEPARABLE = (
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (2, 1024),
    (1, 1024),
)


def kernel_shapes():
    """{layer: kernel shape}, from the first layer to the classifier."""
    shapes: Dict[str, Tuple[int, ...]] = {"layer1/conv": (3, 3, 1, _FIRST_FILTERS)}
    channels = _FIRST_FILTERS
    for number, (_, filters) in enumerate(_SEPARABLE, start=2):
        shapes[f"layer{number}/depthwise_conv"] = (3, 3, channels, 1)
        shapes[f"layer{number}/pointwise_conv"] = (1, 1, channels, filters)
        channels = filters
    shapes["classifier"] = (channels, CLASSES)
    return shapes


def build_network(weights, precision="float32"):
    """Builds YAMNet with batch normalization folded into kernels and biases.

    Args:
        weights: {name: float32 array}, from `read_weights`.
        precision: `float32` or `bfloat16`, precision of the convolutions and of their weights.

    Returns:
        `tf.keras.Model` from windows float32 `[windows, 96, 64]` to a dict of `embedding` `[windows, 1024]` and
        `scores` `[windows, 521]`, the class probabilities.

    Reference:
        M. Plakal, D. Ellis, YAMNet, https://github.com/tensorflow/models/tree/master/research/audioset/yamnet
    """
    layers = tf.keras.layers
    same = {"padding": "same", "activation": "relu", "dtype": precision}
    windows = layers.Input(_WINDOW, dtype="float32")
    hidden = layers.Reshape((*_WINDOW, 1), dtype="float32")(windows)
    hidden = layers.Conv2D(_FIRST_FILTERS, 3, 2, name="layer1/conv", **same)(hidden)
    for number, (stride, filters) in enumerate(_SEPARABLE, start=2):
        hidden = layers.DepthwiseConv2D(3, stride, name=f"layer{number}/depthwise_conv", **same)(hidden)
        hidden = layers.Conv2D(filters, 1, name=f"layer{number}/pointwise_conv", **same)(hidden)
    embedding = layers.GlobalAveragePooling2D(dtype="float32")(hidden)
    scores = layers.Dense(CLASSES, "sigmoid", name="classifier", dtype="float32")(embedding)
    network = tf.keras.Model(windows, {"embedding": embedding, "scores": scores}, name="yamnet")
    for layer in kernel_shapes():
        network.get_layer(layer).set_weights([weights[f"{layer}/kernel"], weights[f"{layer}/bias"]])
    return network


def save_networks(networks, folder):
    """Saves networks as a SavedModel, with their weights as constants.

    A model that uses it has no variables of it to train, to store in checkpoints or to track in exports.

    Args:
        networks: {precision: `tf.keras.Model`} from `build_network`.
        folder: path of an empty folder, for `load_network`.
    """
    module = tf.Module()
    for precision, network in networks.items():
        setattr(module, precision, _frozen(network))
    tf.saved_model.save(module, str(folder))


def _frozen(network):
    windows = tf.TensorSpec([None, *_WINDOW], tf.float32, name="windows")
    call = tf.function(lambda windows: [network(windows)[name] for name in ("embedding", "scores")], autograph=False)
    frozen = convert_variables_to_constants_v2(call.get_concrete_function(windows))

    @tf.function(input_signature=[windows], autograph=False)
    def from_windows(windows):
        return dict(zip(("embedding", "scores"), frozen(windows)))

    return from_windows


def load_network(folder, precision="float32"):
    """Loads a network that `save_networks` saved.

    Args:
        folder: path of the SavedModel.
        precision: which of its networks.

    Returns:
        Function from windows float32 `[windows, 96, 64]` to a dict of `embedding` and `scores`, for `hub.KerasLayer`.
    """
    return getattr(hub.load(str(folder)), precision)


def classifier_weights(network):
    """The layer from the embedding to the logits of the classes.

    Args:
        network: from `load_network`.

    Returns:
        Kernel float32 `[1024, 521]` and bias float32 `[521]`, numpy arrays.
    """
    functions = network.concrete_functions[0].graph.as_graph_def().library.function
    constants = (
        node.attr["value"].tensor for function in functions for node in function.node_def if node.op == "Const"
    )
    found = {array.shape: array for array in map(tf.make_ndarray, constants)}
    return found[WIDTH, CLASSES], found[CLASSES,]
