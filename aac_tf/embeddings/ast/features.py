"""The input of AST: Kaldi's filter bank, padded or cut, and normalized."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from aac_tf.audio import AST, spectrogram

# Statistics of AudioSet, on which the published model was trained.
MEAN = -4.2677393
STD = 4.5689974


def normalize(fbank, mean=MEAN, std=STD):
    """Normalizes an `AST` spectrogram to a mean of 0 and a standard deviation of 0.5; SpecAugment comes before.

    Args:
        fbank: float tensor, an `AST` spectrogram.
        mean: float, mean of the training data.
        std: float, standard deviation of the training data.

    Returns:
        Tensor of the same shape and dtype.
    """
    return (fbank - mean) / (2.0 * std)


@tf.keras.utils.register_keras_serializable("aac_tf")
class TFASTFeatureExtractor(tf.keras.layers.Layer):
    """Converts waveforms to the input of AST, like transformers' `ASTFeatureExtractor`, but in the graph.

    Args:
        num_mel_bins: int, number of mel filters.
        max_length: int, number of frames that clips are padded or cut to.
        do_normalize: bool, whether to normalize.
        mean: float, mean of the training data.
        std: float, standard deviation of the training data.

    Call arguments:
        waveform: float `[batch, samples]` at 16 kHz with values in [-1, 1], padded on the right.
        length: int `[batch]`, valid samples of each clip; None if all are valid.

    Returns:
        `input_values` float32 `[batch, max_length, num_mel_bins]`. Padding is 0 before normalization.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.embeddings import TFASTFeatureExtractor
        >>> TFASTFeatureExtractor()(tf.zeros([2, 16000])).shape
        TensorShape([2, 1024, 128])

    Reference:
        Y. Gong, Y.-A. Chung, J. Glass, AST: Audio Spectrogram Transformer, Interspeech 2021
    """

    def __init__(self, num_mel_bins=128, max_length=1024, do_normalize=True, mean=MEAN, std=STD, **kwargs):
        # Without autocast, mixed precision does not round the waveform.
        super().__init__(autocast=False, **kwargs)
        if max_length < 1:
            raise ValueError(f"max_length must be at least 1, got {max_length}")
        self.num_mel_bins = num_mel_bins
        self.max_length = max_length
        self.do_normalize = do_normalize
        self.mean = mean
        self.std = std
        self.spec = dataclasses.replace(AST, num_bins=num_mel_bins, segment_length=None, segment_hop=None)

    def call(self, waveform, length=None):
        # Later samples are in no frame that remains.
        waveform = waveform[:, : (self.max_length - 1) * self.spec.hop_length + self.spec.window_length]
        fbank = spectrogram(waveform, self.spec, length)
        fbank = tf.pad(fbank, [[0, 0], [0, self.max_length - tf.shape(fbank)[1]], [0, 0]])
        fbank = tf.ensure_shape(fbank, [None, self.max_length, self.num_mel_bins])
        return normalize(fbank, self.mean, self.std) if self.do_normalize else fbank

    def get_config(self):
        names = ("num_mel_bins", "max_length", "do_normalize", "mean", "std")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
