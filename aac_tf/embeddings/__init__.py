"""Spectrogram in, embedding out: frozen networks as Keras layers."""

import importlib

from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.embeddings.yamnet.embedder import YamnetEmbedder

# Imported when asked for: transformers takes seconds, and those who use YAMNet need none of it.
_LAZY = {
    "AstEmbedder": "ast.embedder",
    "TFASTFeatureExtractor": "ast.features",
    "TFASTForAudioClassification": "ast.modeling_tf_ast",
    "TFASTModel": "ast.modeling_tf_ast",
}

__all__ = ["EmbeddingError", "YamnetEmbedder", *_LAZY]


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
