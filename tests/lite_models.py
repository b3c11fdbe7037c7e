"""LiteRT models in tests: run and read."""

import numpy as np
import tensorflow as tf
from tensorflow.lite.tools import flatbuffer_utils

try:  # tf.lite.Interpreter is to be removed from TensorFlow.
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    Interpreter = tf.lite.Interpreter


def noise(samples, seed=0):
    """A whistle with noise, float32 `[samples]`."""
    rng = np.random.default_rng(seed)
    whistle = np.sin(np.arange(samples) * rng.uniform(0.05, 1.0))
    return (0.3 * whistle + 0.05 * rng.normal(size=samples)).astype(np.float32)


def runner(model):
    """Function that runs a model, given as its bytes."""
    return Interpreter(model_content=model).get_signature_runner("serving_default")


def graphs(model):
    """A model, given as its bytes, as an object with its graphs."""
    return flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
