"""Frozen encoders: pretrained networks as Keras layers that map spectrograms to embeddings."""

from typing import TYPE_CHECKING

from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.utils.lazy import import_on_use

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
    __getattr__ = import_on_use(
        __name__,
        {
            "AstEmbedder": "ast.embedder",
            "FrozenEncoder": "base",
            "TFASTFeatureExtractor": "ast.features",
            "TFASTForAudioClassification": "ast.modeling_tf_ast",
            "TFASTModel": "ast.modeling_tf_ast",
            "WindowedEncoder": "windowed_encoder",
            "YamnetEmbedder": "yamnet.embedder",
        },
    )


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
