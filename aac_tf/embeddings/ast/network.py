"""AST as a frozen network that computes nothing but the [CLS] output of windows."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from transformers.activations_tf import get_tf_activation

from aac_tf.embeddings.ast.positions import SPECIAL_TOKENS, patch_grid, resize_positions

# If a window has more attention scores, they are computed head by head so that they fit into the processor's cache:
# those of 1214 tokens take 70 MB per window, and a third more time if computed at once.
_MAX_SCORES = 1 << 20


class FrozenAst:
    """Computes the normalized [CLS] output of a `TFASTModel`, without variables.

    Queries, keys and values are one product; the weights of a product include scale and offset of the normalization
    before it; the last layer computes only what [CLS] needs. Weights are tensors that functions capture: they are not
    copied into each graph, not tracked by Keras, and exported with the graph.

    Args:
        model: `TFASTModel`.
        max_length: int, frames of a window, to which position embeddings are adapted (see `resize_positions`).
        dtype: dtype of products and attention; residuals and normalizations are float32.

    Call arguments:
        windows: float32 `[windows, max_length, num_mel_bins]`.

    Returns:
        float32 `[windows, hidden_size]`.
    """

    def __init__(self, model, max_length, dtype=tf.float32):
        config, weights = model.config, _named_weights(model)
        self._dtype = tf.as_dtype(dtype)
        self._config = config
        self._patches = int(np.prod(patch_grid(config, max_length)))
        positions = resize_positions(weights["embeddings/position_embeddings"], config, max_length)
        special = [weights["embeddings/cls_token"], weights["embeddings/distillation_token"]]
        self._special = tf.constant(np.concatenate(special, axis=1) + positions[:, :SPECIAL_TOKENS])
        projection = "embeddings/patch_embeddings/projection"
        self._patch_kernel = tf.cast(weights[f"{projection}/kernel"], self._dtype)
        self._patch_bias = tf.constant(weights[f"{projection}/bias"] + positions[:, SPECIAL_TOKENS:])
        activation = config.hidden_act
        self._activation = get_tf_activation(activation) if isinstance(activation, str) else activation
        self._layers = [self._layer(weights, number) for number in range(config.num_hidden_layers)]
        self._norm = [tf.constant(weights[f"layernorm/{part}"]) for part in ("gamma", "beta")]

    def _layer(self, weights, number):
        prefix = f"encoder/layer_._{number}"
        query, key, value = (
            _after_norm(
                weights, f"{prefix}/layernorm_before", _product(weights, f"{prefix}/attention/attention/{name}")
            )
            for name in ("query", "key", "value")
        )
        # Includes the scale of the attention scores.
        query = [part * (self._config.hidden_size // self._config.num_attention_heads) ** -0.5 for part in query]
        up = _product(weights, f"{prefix}/intermediate/dense")
        layer = {
            "output": _product(weights, f"{prefix}/attention/output/dense"),
            "up": _after_norm(weights, f"{prefix}/layernorm_after", up),
            "down": _product(weights, f"{prefix}/output/dense"),
        }
        if number < self._config.num_hidden_layers - 1:
            layer["query, key, value"] = _side_by_side(query, key, value)
        else:
            layer["query"], layer["key, value"] = query, _side_by_side(key, value)
        return {name: [tf.cast(part, self._dtype) for part in parts] for name, parts in layer.items()}

    def __call__(self, windows):
        hidden = self._embed(windows)
        for layer in self._layers:
            hidden = self._encode(hidden, layer)
        scale, offset = self._norm
        return self._standardize(hidden[:, 0]) * scale + offset

    def _embed(self, windows):
        """Tokens of windows, float32 `[windows, tokens, width]`."""
        image = tf.cast(tf.transpose(windows, [0, 2, 1])[..., tf.newaxis], self._dtype)
        strides = [self._config.frequency_stride, self._config.time_stride]
        patches = tf.cast(tf.nn.conv2d(image, self._patch_kernel, strides, "VALID"), tf.float32)
        patches = tf.reshape(patches, [-1, self._patches, self._config.hidden_size]) + self._patch_bias
        return tf.concat([tf.repeat(self._special, tf.shape(patches)[0], axis=0), patches], axis=1)

    def _encode(self, hidden, layer):
        """One layer: `[windows, tokens, width]`; after the last layer only the first token, `[windows, 1, width]`."""
        normalized = tf.cast(self._standardize(hidden), self._dtype)
        if "query" in layer:
            hidden = hidden[:, :1]
            (query,) = self._heads(_linear(normalized[:, :1], layer["query"]), 1)
            key, value = self._heads(_linear(normalized, layer["key, value"]), 2)
        else:
            query, key, value = self._heads(_linear(normalized, layer["query, key, value"]), 3)
        context = tf.reshape(tf.transpose(self._attend(query, key, value), [0, 2, 1, 3]), tf.shape(hidden))
        hidden += tf.cast(_linear(context, layer["output"]), tf.float32)
        wide = _linear(tf.cast(self._standardize(hidden), self._dtype), layer["up"], self._activation)
        return hidden + tf.cast(_linear(wide, layer["down"]), tf.float32)

    def _attend(self, query, key, value):
        """Attention of queries `[windows, heads, tokens, head size]`; the result has their shape."""
        if query.shape[2] * key.shape[2] * key.shape[1] <= _MAX_SCORES:
            return _attention((query, key, value))
        by_head = [tf.reshape(tensor, [-1, *tensor.shape[2:]]) for tensor in (query, key, value)]
        context = tf.map_fn(_attention, tuple(by_head), fn_output_signature=self._dtype, parallel_iterations=1)
        return tf.reshape(context, tf.shape(query))

    def _heads(self, rows, parts):
        """Splits `[windows, tokens, parts * width]` into `parts` tensors `[windows, heads, tokens, head size]`."""
        heads = self._config.num_attention_heads
        shape = [tf.shape(rows)[0], rows.shape[1], parts, heads, self._config.hidden_size // heads]
        return tf.unstack(tf.transpose(tf.reshape(rows, shape), [2, 0, 3, 1, 4]))

    def _standardize(self, hidden):
        """Layer normalization without scale and offset."""
        centred = hidden - tf.reduce_mean(hidden, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        return centred * tf.math.rsqrt(variance + self._config.layer_norm_eps)


def _attention(query_key_value):
    query, key, value = query_key_value
    return tf.matmul(tf.nn.softmax(tf.matmul(query, key, transpose_b=True)), value)


def _linear(tensor, kernel_and_bias, activation=tf.identity):
    """A dense layer with the tokens of all windows as rows, so that TensorFlow fuses product, bias and activation."""
    kernel, bias = kernel_and_bias
    rows = activation(tf.nn.bias_add(tf.matmul(tf.reshape(tensor, [-1, tensor.shape[-1]]), kernel), bias))
    return tf.reshape(rows, [tf.shape(tensor)[0], *tensor.shape[1:-1], bias.shape[0]])


def _named_weights(model):
    """{name within the transformer: array}."""
    layer = model.audio_spectrogram_transformer
    return {weight.name.split(f"{layer.name}/", 1)[1].split(":")[0]: weight.numpy() for weight in layer.weights}


def _product(weights, name):
    kernel = weights[f"{name}/kernel"]
    return [kernel, weights.get(f"{name}/bias", np.zeros(kernel.shape[1], kernel.dtype))]


def _side_by_side(*products):
    return [np.concatenate(parts, axis=-1) for parts in zip(*products)]


def _after_norm(weights, name, product):
    """Folds scale and offset of the normalization before a product into its weights."""
    scale, offset = (weights[f"{name}/{part}"].astype(np.float64) for part in ("gamma", "beta"))
    kernel, bias = product
    return [(scale[:, np.newaxis] * kernel).astype(np.float32), (bias + offset @ kernel).astype(np.float32)]
