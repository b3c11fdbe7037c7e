"""AST as a frozen encoder."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from aac_tf.audio import AST
from aac_tf.embeddings.ast.features import normalize
from aac_tf.embeddings.ast.network import FrozenAst
from aac_tf.embeddings.ast.source import RANDOM, load_ast
from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.embeddings.sources import used_source
from aac_tf.embeddings.windowed_encoder import WindowedEncoder

PRECISIONS = ("float32", "bfloat16")
_PATCH_FRAMES = 16  # a window has at least one patch


@tf.keras.utils.register_keras_serializable("aac_tf")
class AstEmbedder(WindowedEncoder):
    """AST's [CLS] output for half-overlapping windows of an `AST` spectrogram.

    See `FrozenEncoder` for call arguments and results. The layer includes AST's normalization of the spectrogram.

    Args:
        source: folder with config.json and model.safetensors, name of a model on the Hugging Face hub, or `random` for
            random weights of the published model's size. None takes the environment variable AAC_TF_AST, or else
            `MIT/ast-finetuned-audioset-10-10-0.4593`.
        batch_windows: int, maximum number of windows that go through the network at once, which bounds memory; None
            runs all at once.
        window_seconds: float, length of a window; the next one starts half a window later. The position embeddings are
            adapted to it.
        precision: dtype of the matrix products, `float32` or `bfloat16`, independent of the Keras policy.

    Attributes:
        spec: `AST` with segments of `window_seconds`.
        width: 768 for the published model.
        checksum: str, equal for equal weights, spec and precision.

    Raises:
        EmbeddingError: if the source cannot be reached, is damaged or is not AST.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.audio import load_audio, spectrogram
        >>> from aac_tf.embeddings import AstEmbedder
        >>> AstEmbedder.spec_for(window_seconds=2.0).segment_length
        200
        >>> embedder = AstEmbedder(window_seconds=2.0)  # doctest: +SKIP
        >>> waveform, _ = load_audio("rain.wav", embedder.spec.sample_rate)  # doctest: +SKIP
        >>> embedding, length = embedder(spectrogram(waveform, embedder.spec)[tf.newaxis])  # doctest: +SKIP

    Reference:
        Y. Gong, Y.-A. Chung, J. Glass, AST: Audio Spectrogram Transformer, Interspeech 2021,
        https://arxiv.org/abs/2104.01778
    """

    def __init__(self, source=None, batch_windows=64, window_seconds=0.96, precision="float32", **kwargs):
        super().__init__(source, batch_windows, **kwargs)
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
        self.window_seconds = window_seconds
        self.precision = precision
        self.spec = self.spec_for(window_seconds=window_seconds)
        ast = load_ast(source)
        self._used = None if source == RANDOM else used_source("ast", source)
        config = ast.model.config
        if config.num_mel_bins != self.spec.num_bins:
            raise EmbeddingError(
                f"AST from {source} takes {config.num_mel_bins} mel bins, expected {self.spec.num_bins}"
            )
        self.width = config.hidden_size
        self.checksum = self.checksum_of(ast.checksum, precision)
        network = FrozenAst(ast.model, self.spec.segment_length, precision)
        self._network = lambda windows: network(normalize(windows, ast.mean, ast.std))

    @classmethod
    def spec_for(cls, source=None, batch_windows=64, window_seconds=0.96, precision="float32"):
        frames = round(window_seconds * AST.sample_rate / AST.hop_length)
        if frames < _PATCH_FRAMES:
            raise ValueError(
                f"window_seconds must be at least 0.16, the length of a patch of AST, got {window_seconds}"
            )
        return dataclasses.replace(AST, segment_length=frames, segment_hop=frames // 2)

    @property
    def origin(self):
        return {"source": self._used} if self._used else {}

    def for_export(self):
        # LiteRT cannot compute in bfloat16.
        return super().for_export(precision="float32")

    def get_config(self):
        return {**super().get_config(), "window_seconds": self.window_seconds, "precision": self.precision}
