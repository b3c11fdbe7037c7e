"""Loads AST from a folder, the Hugging Face hub, or random numbers."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import NamedTuple

import numpy as np
from transformers import ASTConfig
from transformers.utils import cached_file

from aac_tf.embeddings.ast.features import MEAN, STD
from aac_tf.embeddings.ast.modeling_tf_ast import TFASTModel
from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.embeddings.sources import choose_source

logger = logging.getLogger(__name__)

NAME = "MIT/ast-finetuned-audioset-10-10-0.4593"
RANDOM = "random"
VARIABLE = "AAC_TF_AST"
_ADVICE = (
    f"download config.json and model.safetensors from https://huggingface.co/{NAME} into a folder, and set "
    f"embedding.source or the environment variable {VARIABLE} to it; the source {RANDOM!r} needs no download, to try "
    "things out"
)
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
            model = TFASTModel.from_pretrained(source)
            mean, std = _statistics(source)
        except (OSError, ValueError) as error:
            raise EmbeddingError(f"cannot load AST from {source}: {error}; {_ADVICE}") from error
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


def _statistics(source):
    path = cached_file(source, "preprocessor_config.json", _raise_exceptions_for_missing_entries=False)
    if path is None:
        return MEAN, STD
    with open(path, encoding="utf-8") as file:
        values = json.load(file)
    return float(values.get("mean", MEAN)), float(values.get("std", STD))
