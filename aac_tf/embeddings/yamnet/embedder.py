"""YAMNet as a frozen layer inside a captioner's graph."""

from __future__ import annotations

import hashlib
import os

import tensorflow as tf
import tensorflow_hub as hub

from aac_tf.audio import YAMNET
from aac_tf.embeddings.windows import count_windows, embed_segments
from aac_tf.embeddings.yamnet.network import CLASSES, WIDTH
from aac_tf.embeddings.yamnet.source import cached_network


@tf.keras.utils.register_keras_serializable("aac_tf")
class YamnetEmbedder(tf.keras.layers.Layer):
    """Embeds windows of 0.96 s, one every 0.48 s, of a `YAMNET` spectrogram with the frozen network YAMNet.

    The network has no variables (its weights are constants of the graph), so that it is neither trained nor stored in
    checkpoints. All windows of a batch go through it together, in float32 whatever the Keras policy.

    Args:
        source: path of YAMNet's weights: the folder of the TF-Hub model, the published `yamnet.h5`, or a `.npz` with
            batch normalization folded in; or a TF-Hub or Kaggle handle. None takes the environment variable
            AAC_TF_YAMNET, or else `https://tfhub.dev/google/yamnet/1`. The weights are converted once, into a folder
            under AAC_TF_CACHE (`~/.cache/aac_tf`), which may be named as the source, too.
        batch_windows: int, most windows that go through the network at once, which bounds the memory; None: all.
        self_test: bool, whether the network must first hear some known sounds right; only weights that were trained
            further need False.

    Attributes:
        spec: `YAMNET`, the spectrogram it takes.
        width: 1024, of an embedding.
        checksum: str, the same for the same weights and spectrogram.

    Call arguments:
        spectrogram: float `[batch, frames, 64]`, padded on the right.
        length: int `[batch]`, valid frames of each clip; None if all are valid.

    Returns:
        `embedding` float32 `[batch, segments, 1024]`, zero beyond its length, and `length` int32 `[batch]`, at least 1:
        a clip of N samples has 1 + ceil(max(0, N - 15600) / 7680) segments. Padding takes no part.

    Raises:
        EmbeddingError: the source cannot be reached, is damaged or is not YAMNet.

    Example:
        >>> embedder = YamnetEmbedder("yamnet.h5")
        >>> embedding, length = embedder(spectrogram(waveforms, YAMNET, samples), YAMNET.output_length(samples))

    Reference:
        M. Plakal, D. Ellis, YAMNet, https://github.com/tensorflow/models/tree/master/research/audioset/yamnet
    """

    spec = YAMNET
    width = WIDTH

    def __init__(self, source=None, batch_windows=256, self_test=True, **kwargs):
        kwargs.setdefault("trainable", False)
        # Half precision must not round the spectrogram before it arrives here.
        super().__init__(autocast=False, **kwargs)
        if batch_windows is not None and batch_windows < 1:
            raise ValueError(f"batch_windows must be at least 1, or None, got {batch_windows}")
        self.source = None if source is None else os.fspath(source)
        self.batch_windows = batch_windows
        self.self_test = self_test
        folder, source_checksum = cached_network(source, self_test)
        self.checksum = hashlib.sha256(f"{source_checksum} {self.spec}".encode()).hexdigest()
        network = hub.KerasLayer(folder, trainable=False, dtype="float32")
        # In a closure, as Keras would track it otherwise and list the cached model's functions in every checkpoint.
        self._network = lambda windows, output: network(windows)[output]

    def call(self, spectrogram, length=None):
        return self._run(spectrogram, length, "embedding", WIDTH)

    def scores(self, spectrogram, length=None):
        """Probability of each class of AudioSet that YAMNet knows.

        Args:
            spectrogram: as for a call.
            length: as for a call.

        Returns:
            Scores float32 `[batch, segments, 521]`, zero beyond their length, and `length` int32 `[batch]`.
        """
        return self._run(spectrogram, length, "scores", CLASSES)

    def output_length(self, frames):
        """Number of segments that so many frames give, at least one; for an int, an array or a tensor."""
        return count_windows(frames, self.spec)

    def get_config(self):
        config = {"source": self.source, "batch_windows": self.batch_windows, "self_test": self.self_test}
        return {**super().get_config(), **config}

    def _run(self, spectrogram, length, output, width):
        def network(windows):
            return self._network(windows, output)

        return embed_segments(network, spectrogram, length, self.spec, self.batch_windows, width)
