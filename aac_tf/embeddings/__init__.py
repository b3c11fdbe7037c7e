"""Spectrogram in, embedding out: frozen networks as Keras layers."""

from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.embeddings.yamnet import YamnetEmbedder

__all__ = ["EmbeddingError", "YamnetEmbedder"]
