"""Encoders in the form that LiteRT computes, for one clip."""

import itertools
from typing import Sequence

import tensorflow as tf

from aac_tf.export.lite.recurrent import LiteBidirectional
from aac_tf.models.subsampled_birnn import SubsampledBiRNN, subsampled_length


class LiteEncoder:
    """Encoder for one clip that computes what the layer's `infer` computes, for encoders without a special form.

    Args:
        encoder: `Encoder`, built.
        fused: bool, see `LiteBidirectional`.

    Attributes:
        weights: variables of the form itself, which the encoder does not have.

    Call arguments:
        inputs: float32 `[1, time, features]`.
        length: int32 `[1]`, valid steps; None if all are valid.

    Returns:
        float32 `[1, steps, output_width]`, and int32 `[1]`, its valid steps.
    """

    weights: Sequence[tf.Variable] = ()

    def __init__(self, encoder, fused=True):
        self._encoder = encoder

    def __call__(self, inputs, length=None):
        return self._encoder.infer(inputs, tf.shape(inputs)[1:2] if length is None else length)


class LiteSubsampledBiRNN(LiteEncoder):
    """`SubsampledBiRNN` of LiteRT's fused LSTMs or of blocked loops; see `LiteEncoder`."""

    def __init__(self, encoder, fused=True):
        super().__init__(encoder, fused)
        marks = itertools.count(1)
        self._layers = [LiteBidirectional(layer, marks, fused) for layer in encoder.bidirectional]
        self.weights = [weight for layer in self._layers for weight in layer.weights]

    def __call__(self, inputs, length=None):
        hidden, subsampling = inputs, self._encoder.subsampling
        for index, layer in enumerate(self._layers):
            if index and subsampling > 1:
                kept = subsampled_length(hidden.shape[1] or tf.shape(hidden)[1], subsampling)
                hidden = hidden[:, ::subsampling][:, :kept]
                length = None if length is None else subsampled_length(length, subsampling)
            hidden = one_row(hidden)
            output = layer(hidden, None if length is None else _valid_steps(hidden, length))
            hidden = hidden + output if self._encoder.residual and index else output
        return hidden, tf.shape(hidden)[1:2] if length is None else length


# Encoders that have a form of their own.
FORMS = {SubsampledBiRNN: LiteSubsampledBiRNN}


def lite_encoder(encoder, fused=True):
    """The LiteRT form of any `Encoder`, a `LiteEncoder`.

    Subclasses of a class in `FORMS` may compute something else, so the form is that of the exact class.
    """
    return FORMS.get(type(encoder), LiteEncoder)(encoder, fused)


def one_row(hidden):
    """Reshapes a tensor to `[1, steps, width]`, which tells the converter that it has one row."""
    return tf.reshape(hidden, [1, hidden.shape[1] or -1, hidden.shape[-1]])


def _valid_steps(hidden, length):
    """Float32 `[1, steps, 1]`, see `BlockedRNN`."""
    return tf.sequence_mask(length, hidden.shape[1], tf.float32)[..., tf.newaxis]
