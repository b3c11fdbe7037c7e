"""Frozen encoders: pretrained networks as Keras layers that map spectrograms to embeddings."""

import importlib
from typing import TYPE_CHECKING

from aac_tf.embeddings.errors import EmbeddingError

# Type checkers, editors and the API reference read the imports and `__all__`.
if TYPE_CHECKING:
    from aac_tf.embeddings.ast.embedder import AstEmbedder
    from aac_tf.embeddings.ast.features import TFASTFeatureExtractor
    from aac_tf.embeddings.ast.modeling_tf_ast import TFASTForAudioClassification, TFASTModel
    from aac_tf.embeddings.base import FrozenEncoder
    from aac_tf.embeddings.windowed_encoder import WindowedEncoder
    from aac_tf.embeddings.yamnet.embedder import YamnetEmbedder
else:
    # Imported on first use: a run folder can be checked without TensorFlow, and YAMNet does not need transformers.
    _LAZY = {
        "AstEmbedder": "ast.embedder",
        "FrozenEncoder": "base",
        "TFASTFeatureExtractor": "ast.features",
        "TFASTForAudioClassification": "ast.modeling_tf_ast",
        "TFASTModel": "ast.modeling_tf_ast",
        "WindowedEncoder": "windowed_encoder",
        "YamnetEmbedder": "yamnet.embedder",
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
