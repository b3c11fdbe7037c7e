"""Frozen encoders: pretrained networks as Keras layers that map spectrograms to embeddings."""

import importlib
from typing import TYPE_CHECKING

from aac_tf.embeddings.base import FrozenEncoder
from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.embeddings.windowed_encoder import WindowedEncoder
from aac_tf.embeddings.yamnet.embedder import YamnetEmbedder

# Type checkers, editors and the API reference read the imports and `__all__`.
if TYPE_CHECKING:
    from aac_tf.embeddings.ast.embedder import AstEmbedder
    from aac_tf.embeddings.ast.features import TFASTFeatureExtractor
    from aac_tf.embeddings.ast.modeling_tf_ast import TFASTForAudioClassification, TFASTModel
else:
    # Imported on first use: importing transformers takes seconds, and YAMNet does not need it.
    _LAZY = {
        "AstEmbedder": "ast.embedder",
        "TFASTFeatureExtractor": "ast.features",
        "TFASTForAudioClassification": "ast.modeling_tf_ast",
        "TFASTModel": "ast.modeling_tf_ast",
    }

    def __getattr__(name):
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)


__all__ = [
    "AstEmbedder",
    "EmbeddingError",
    "FrozenEncoder",
    "TFASTFeatureExtractor",
    "TFASTForAudioClassification",
    "TFASTModel",
    "WindowedEncoder",
    "YamnetEmbedder",
]
