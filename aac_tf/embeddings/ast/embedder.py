"""AST as a frozen layer inside a captioner's graph."""

from __future__ import annotations

import dataclasses
import hashlib
import os

import tensorflow as tf

from aac_tf.audio import AST
from aac_tf.embeddings.ast.features import normalize
from aac_tf.embeddings.ast.network import FrozenAst
from aac_tf.embeddings.ast.source import load_ast
from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.embeddings.windows import count_windows, embed_segments

PRECISIONS = ("float32", "bfloat16")


@tf.keras.utils.register_keras_serializable("aac_tf")
class AstEmbedder(tf.keras.layers.Layer):
    """Embeds half-overlapping windows of an `AST` spectrogram: the [CLS] output of the frozen transformer for each.

    The network has no variables, so that it is neither trained nor stored in checkpoints. SpecAugment's masks belong
    into the spectrogram that comes here: the normalization is part of this layer.

    Args:
        source: folder of config.json and model.safetensors, name of a model on the Hugging Face hub, or `random` for
            random weights of the published model's size. None takes the environment variable AAC_TF_AST, or else
            `MIT/ast-finetuned-audioset-10-10-0.4593`.
        batch_windows: int, most windows that go through the network at once, which bounds the memory; None: all.
        window_seconds: float, of a window; a new one begins after half of it. Position embeddings are adapted.
        precision: of the matrix products, `float32` or `bfloat16`; whatever the Keras policy.

    Attributes:
        spec: the spectrogram it takes: `AST` with segments of `window_seconds`.
        width: of an embedding, 768 for the published model.
        checksum: str, the same for the same weights, spectrogram and precision.

    Call arguments:
        spectrogram: float `[batch, frames, 128]`, padded on the right.
        length: int `[batch]`, valid frames of each clip; None if all are valid.

    Returns:
        `embedding` float32 `[batch, segments, width]`, zero beyond its length, and `length` int32 `[batch]`, at least
        1. Padding takes no part.

    Raises:
        EmbeddingError: the source cannot be reached, is damaged or is not AST.

    Example:
        >>> embedder = AstEmbedder("ast")
        >>> frames = spectrogram(waveforms, embedder.spec, samples)
        >>> embedding, length = embedder(frames, embedder.spec.output_length(samples))

    Reference:
        Y. Gong, Y.-A. Chung, J. Glass, AST: Audio Spectrogram Transformer, Interspeech 2021,
        https://arxiv.org/abs/2104.01778
    """

    spec = AST
    width = 768

    def __init__(self, source=None, batch_windows=64, window_seconds=0.96, precision="float32", **kwargs):
        kwargs.setdefault("trainable", False)
        # Half precision must not round the spectrogram before it arrives here.
        super().__init__(autocast=False, **kwargs)
        if batch_windows is not None and batch_windows < 1:
            raise ValueError(f"batch_windows must be at least 1, or None, got {batch_windows}")
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
        self.source = None if source is None else os.fspath(source)
        self.batch_windows = batch_windows
        self.window_seconds = window_seconds
        self.precision = precision
        self.spec = self.spec_of(window_seconds)
        ast = load_ast(source)
        config = ast.model.config
        if config.num_mel_bins != self.spec.num_bins:
            raise EmbeddingError(
                f"AST of {source} takes {config.num_mel_bins} mel bins; this layer gives it {self.spec.num_bins}"
            )
        self.width = config.hidden_size
        self.checksum = hashlib.sha256(f"{ast.checksum} {self.spec} {precision}".encode()).hexdigest()
        network = FrozenAst(ast.model, self.spec.segment_length, precision)
        # In a closure, so that Keras does not look for layers and weights in it.
        self._network = lambda windows: network(normalize(windows, ast.mean, ast.std))

    @classmethod
    def spec_of(cls, window_seconds=0.96):
        """The spectrogram that an embedder with such windows takes, a `SpectrogramSpec`, without loading one."""
        frames = round(window_seconds * cls.spec.sample_rate / cls.spec.hop_length)
        if frames < 16:
            raise ValueError(f"window_seconds must be at least 0.16, AST's smallest patch, got {window_seconds}")
        return dataclasses.replace(cls.spec, segment_length=frames, segment_hop=frames // 2)

    def call(self, spectrogram, length=None):
        return embed_segments(self._network, spectrogram, length, self.spec, self.batch_windows, self.width)

    def output_length(self, frames):
        """Number of segments that so many frames give, at least one; for an int, an array or a tensor."""
        return count_windows(frames, self.spec)

    def get_config(self):
        names = ("source", "batch_windows", "window_seconds", "precision")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
