"""Loads AST from a folder, the Hugging Face hub, or random numbers."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from typing import NamedTuple

import numpy as np
from transformers import ASTConfig
from transformers.activations_tf import ACT2FN
from transformers.utils import cached_file

from aac_tf.embeddings.ast.checkpoint import find_checkpoint
from aac_tf.embeddings.ast.features import MEAN, STD
from aac_tf.embeddings.ast.modeling_tf_ast import TFASTModel
from aac_tf.embeddings.ast.positions import patch_grid
from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.embeddings.sources import PUBLISHED, choose_source

logger = logging.getLogger(__name__)

VARIABLE, NAME = PUBLISHED["ast"].variable, PUBLISHED["ast"].name
RANDOM = "random"
_ADVICE = (
    f"download config.json and model.safetensors from https://huggingface.co/{NAME} into a folder, and set "
    f"embedding.source or the environment variable {VARIABLE} to it; the source {RANDOM!r} needs no download, to try "
    "things out"
)
# The checksum is computed from these values in this order, so keep it.
_ARCHITECTURE = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "layer_norm_eps",
    "patch_size",
    "frequency_stride",
    "time_stride",
    "max_length",
    "num_mel_bins",
)
_SIZES = tuple(name for name in _ARCHITECTURE if name not in ("hidden_act", "layer_norm_eps"))
_MAX_SIZE = 1 << 20
# The standard deviation of a log-mel spectrogram is several units.
_MIN_STD = 1e-3


class AstSource(NamedTuple):
    """A loaded `TFASTModel`, mean and standard deviation of its input, and a checksum of all three."""

    model: TFASTModel
    mean: float
    std: float
    checksum: str


def load_ast(source=None):
    """Loads AST's weights.

    Args:
        source: folder with config.json and model.safetensors of an AST with or without a classifier, name of such a
            model on the Hugging Face hub, or `random` for reproducible random weights of the published model's size.
            None takes $AAC_TF_AST, or else the published model. Mean and standard deviation are those of its
            preprocessor_config.json, if there is one.

    Returns:
        `AstSource`.

    Raises:
        EmbeddingError: if the source cannot be reached, is damaged or is not AST.
    """
    source = RANDOM if source == RANDOM else choose_source(source, VARIABLE, NAME)
    if source == RANDOM:
        logger.warning(
            "AST has random weights, to try things out: its embeddings mean nothing. For real weights, %s",
            _ADVICE.rsplit(";", 1)[0],
        )
        model, mean, std = random_model(ASTConfig()), MEAN, STD
    else:
        try:
            config = ASTConfig.from_pretrained(source)
            _check_config(config, find_checkpoint(source))
            mean, std = _statistics(source)
            model = TFASTModel.from_pretrained(source, config=config)
        except Exception as error:  # transformers and Keras raise anything for damaged files
            raise EmbeddingError(
                f"cannot load AST from {source}: {error or type(error).__name__}; {_ADVICE}"
            ) from error
    values = {name: getattr(model.config, name) for name in _ARCHITECTURE}
    digest = hashlib.sha256(json.dumps([values, mean, std], sort_keys=True, default=str).encode())
    for weight in model.weights:
        array = weight.numpy()
        if not np.isfinite(array).all():
            raise EmbeddingError(f"AST from {source} is damaged: {weight.name} is not finite; {_ADVICE}")
        digest.update(np.ascontiguousarray(array).data)
    return AstSource(model, mean, std, digest.hexdigest())


def random_model(config, seed=0):
    """A `TFASTModel` with reproducible random weights, scaled so that outputs depend on the input."""
    generator = np.random.default_rng(seed)
    model = TFASTModel(config)
    model.build_in_name_scope()
    for weight in model.weights:
        name = weight.name.rsplit("/", 1)[-1]
        if name.startswith(("kernel", "cls_token", "distillation_token", "position_embeddings")):
            scale = np.prod(weight.shape[:-1], dtype=float) ** -0.5 if name.startswith("kernel") else 0.3
            weight.assign(scale * generator.standard_normal(weight.shape, np.float32))
    return model


def _check_config(config, checkpoint):
    """Raises ValueError if a model of this config cannot be built, or is larger than its checkpoint file."""
    wrong = [
        f"{name}={value!r} is no positive integer"
        for name, value in ((name, getattr(config, name)) for name in _SIZES)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_SIZE
    ]
    if not isinstance(config.layer_norm_eps, float) or not 0 < config.layer_norm_eps < 1:
        wrong.append(f"layer_norm_eps={config.layer_norm_eps!r} is no number between 0 and 1")
    if config.hidden_act not in ACT2FN:
        wrong.append(f"hidden_act={config.hidden_act!r} is no activation that transformers has for TensorFlow")
    if not isinstance(config.qkv_bias, bool):
        wrong.append(f"qkv_bias={config.qkv_bias!r} is neither true nor false")
    if wrong:
        raise ValueError(f"config.json is damaged: {'; '.join(wrong)}")
    width, layers, inner = config.hidden_size, config.num_hidden_layers, config.intermediate_size
    parameters = layers * width * (4 * width + 2 * inner) + width * math.prod(patch_grid(config))
    # A weight takes at least a byte.
    if checkpoint is not None and parameters > os.path.getsize(checkpoint):
        raise ValueError(f"config.json describes a model of {parameters:,} weights, more than {checkpoint} has bytes")


def _statistics(source):
    path = cached_file(source, "preprocessor_config.json", _raise_exceptions_for_missing_entries=False)
    if path is None:
        return MEAN, STD
    with open(path, encoding="utf-8") as file:
        values = json.load(file)
    mean, std = values.get("mean", MEAN), values.get("std", STD)
    for value in (mean, std):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"preprocessor_config.json is damaged: mean={mean!r} and std={std!r} must be numbers")
    if not std >= _MIN_STD:
        raise ValueError(f"preprocessor_config.json is damaged: std={std} must be above 0")
    return float(mean), float(std)
