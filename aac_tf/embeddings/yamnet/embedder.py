"""YAMNet as a frozen encoder."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_hub as hub

from aac_tf.audio import YAMNET
from aac_tf.embeddings.sources import used_source
from aac_tf.embeddings.windowed_encoder import WindowedEncoder
from aac_tf.embeddings.yamnet.class_names import class_names
from aac_tf.embeddings.yamnet.network import CLASSES, PRECISIONS, WIDTH, classifier_weights, load_network
from aac_tf.embeddings.yamnet.source import cached_network, find_weights


@tf.keras.utils.register_keras_serializable("aac_tf")
class YamnetEmbedder(WindowedEncoder):
    """YAMNet's embeddings of 0.96-s windows, one every 0.48 s, of a `YAMNET` spectrogram.

    See `FrozenEncoder` for call arguments and results: a clip of N samples has
    `1 + ceil(max(0, N - 15600) / 7680)` segments.

    Args:
        source: path of YAMNet's weights: the folder of the TF-Hub model, the published `yamnet.h5`, or an `.npz` with
            batch normalization folded in; a TF-Hub or Kaggle handle; or the address of an `.h5` or `.npz` file, with
            `#sha256=...` to accept only this file. None takes the environment variable AAC_TF_YAMNET, or else
            `https://tfhub.dev/google/yamnet/1`, or the `yamnet.h5` of its authors. The weights are converted once, into
            a folder under AAC_TF_CACHE (default `~/.cache/aac_tf`), which is a valid source too.
        batch_windows: int, maximum number of windows that go through the network at once, which bounds memory; None
            runs all at once.
        self_test: bool, whether to check that the network recognizes some known sounds; False accepts weights that were
            trained further.
        precision: precision of the network's products, `float32` or `bfloat16`, independent of the Keras policy.
            bfloat16 is faster on processors that support it, such as CPUs with AVX512-BF16 or AMX.

    Attributes:
        spec: `YAMNET`.
        width: 1024.
        checksum: str, equal for equal weights, spec and precision.

    Raises:
        EmbeddingError: if the source cannot be reached, is damaged or is not YAMNet.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.audio import YAMNET, load_audio, spectrogram
        >>> from aac_tf.embeddings import YamnetEmbedder
        >>> embedder = YamnetEmbedder("yamnet.h5")  # doctest: +SKIP
        >>> waveform, _ = load_audio("rain.wav", YAMNET.sample_rate)  # doctest: +SKIP
        >>> embedding, length = embedder(spectrogram(waveform, YAMNET)[tf.newaxis])  # doctest: +SKIP

    Reference:
        M. Plakal, D. Ellis, YAMNet, https://github.com/tensorflow/models/tree/master/research/audioset/yamnet
    """

    def __init__(self, source=None, batch_windows=256, self_test=True, precision="float32", **kwargs):
        super().__init__(source, batch_windows, **kwargs)
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
        self.self_test, self.precision = self_test, precision
        folder, weights = cached_network(source, self_test)
        self.spec, self.width = self.spec_for(), WIDTH
        self.checksum = self.checksum_of(weights, *([] if precision == "float32" else [precision]))
        self._used, self._weights = used_source("yamnet", source), weights
        loaded = load_network(folder, precision)
        network = hub.KerasLayer(loaded, trainable=False, dtype="float32")
        # Closures: if Keras tracked the layer, every checkpoint would list the functions of the cached model.
        self._outputs = lambda windows: network(windows)
        self._network = lambda windows: network(windows)["embedding"]
        self._classifier = lambda: classifier_weights(loaded)

    @classmethod
    def spec_for(cls, source=None, batch_windows=256, self_test=True, precision="float32"):
        return YAMNET

    @property
    def origin(self):
        return {"checksum": self._weights, **({"source": self._used} if self._used else {})}

    @classmethod
    def find_weights(cls, origin):
        return find_weights(origin.get("source"), origin.get("checksum"))

    def scores(self, spectrogram, length=None):
        """Class probabilities of AudioSet.

        Args:
            spectrogram: as for a call.
            length: as for a call.

        Returns:
            `(scores, length)`: float32 `[batch, segments, 521]`, zero after the end of a clip; int32 `[batch]`.
        """
        return self.embed_windows(lambda windows: self._outputs(windows)["scores"], spectrogram, length, CLASSES)

    @property
    def class_names(self):
        return class_names()

    @property
    def classifier(self):
        return self._classifier()

    def embed_and_score(self, spectrogram, length=None):
        def both(windows):
            outputs = self._outputs(windows)
            return tf.concat([outputs["embedding"], outputs["scores"]], axis=1)

        found, length = self.embed_windows(both, spectrogram, length, WIDTH + CLASSES)
        embedding, scores = tf.split(found, [WIDTH, CLASSES], axis=-1)
        return embedding, scores, length

    def for_export(self):
        # LiteRT cannot compute in bfloat16.
        return super().for_export(precision="float32")

    def get_config(self):
        return {**super().get_config(), "self_test": self.self_test, "precision": self.precision}
