"""The shared checks of encoders and decoders catch each way to break the contract.

Each class here is the correct encoder or decoder of `new_parts.py` with one mistake.
"""

import contextlib

import contracts.decoder
import contracts.encoder
import pytest
import tensorflow as tf
from contracts.decoder import check_decoder
from contracts.encoder import check_encoder
from models.new_parts import SelfAttentionDecoder, StridedConv1D

from aac_tf.models import Decoder, Encoder


class SamePadding(StridedConv1D):
    """How much "same" pads on the left depends on the length of the batch."""

    def __init__(self, units=8, stride=3, **kwargs):
        super().__init__(units, stride, **kwargs)
        self._convolution = tf.keras.layers.Conv1D(units, 5, strides=stride, padding="same", activation="relu")


class SeesPadding(StridedConv1D):
    def call(self, inputs, length=None, training=None):
        encoded, length = super().call(inputs, length)
        return self.zero_padding(encoded - tf.reduce_mean(encoded, axis=1, keepdims=True), length), length


class SeesOtherClips(StridedConv1D):
    def call(self, inputs, length=None, training=None):
        encoded, length = super().call(inputs, length)
        return encoded - tf.reduce_mean(encoded[:, :1], axis=0, keepdims=True), length


class NotZeroBeyondTheLength(StridedConv1D):
    def call(self, inputs, length=None, training=None):
        _, length = super().call(inputs, length)
        return self._convolution(inputs), length


class InputLength(StridedConv1D):
    def call(self, inputs, length=None, training=None):
        return super().call(inputs, length)[0], self.valid_length(inputs, length)


class LongLength(StridedConv1D):
    def call(self, inputs, length=None, training=None):
        encoded, length = super().call(inputs, length)
        return encoded, tf.cast(length, tf.int64)


class AlwaysTensors(StridedConv1D):
    def output_length(self, length):
        return tf.convert_to_tensor(super().output_length(length))


class IntsOnly(StridedConv1D):
    def output_length(self, length):
        return super().output_length(length) if isinstance(length, int) else length


class NoSteps(StridedConv1D):
    def output_length(self, length):
        return length // self.stride


class WrongStride(StridedConv1D):
    step_stride = 2


class InferDiffers(StridedConv1D):
    def infer(self, inputs, length):
        encoded, length = super().infer(inputs, length)
        return encoded * 1.01, length


class InferDoesNotBuild(StridedConv1D):
    def infer(self, inputs, length):
        if not self.built:
            length = self.output_length(self.valid_length(inputs, length))
            return tf.zeros([len(inputs), self.output_length(inputs.shape[1]), self.units]), length
        return super().infer(inputs, length)


class NotAnEncoder(tf.keras.layers.Layer):
    pass


ENCODERS = {
    SamePadding: "padding changes steps",
    SeesPadding: "padding changes steps",
    SeesOtherClips: "padding changes steps|not zero beyond",
    NotZeroBeyondTheLength: "not zero beyond",
    InputLength: "disagrees with a call",
    LongLength: "length is not int32",
    AlwaysTensors: "is not an int",
    IntsOnly: "differs for ints and tensors",
    NoSteps: "below 1",
    WrongStride: "`step_stride` disagrees",
    InferDiffers: "`infer` differs",
    InferDoesNotBuild: "does not build",
    NotAnEncoder: "not an Encoder",
}


class OtherEmbeddings(SelfAttentionDecoder):
    def embed(self, tokens):
        return 2 * super().embed(tokens)

    def embedded(self, tokens):
        return tokens if tokens.dtype.is_floating else super().embed(tokens)


class CacheTooSmall(SelfAttentionDecoder):
    """The step that predicts `<END>` after `max_words` words does not fit."""

    def initial_state(self, memory, max_words):
        return super().initial_state(memory, max_words - 1)


class FixedCache(SelfAttentionDecoder):
    def initial_state(self, memory, max_words):
        return super().initial_state(memory, 2)


class GrowingCache(SelfAttentionDecoder):
    def step(self, tokens, state, memory):
        logits, (keys, values, position) = super().step(tokens, state, memory)
        return logits, (tf.pad(keys, [[0, 0], [0, 1], [0, 0]]), tf.pad(values, [[0, 0], [0, 1], [0, 0]]), position)


class ForgetsPosition(SelfAttentionDecoder):
    def step(self, tokens, state, memory):
        logits, (keys, values, _) = super().step(tokens, state, memory)
        return logits, (keys, values, state[2])


class ScalarPosition(SelfAttentionDecoder):
    def initial_state(self, memory, max_words):
        keys, values, _ = super().initial_state(memory, max_words)
        return keys, values, tf.constant(0)


class NoState(SelfAttentionDecoder):
    def initial_state(self, memory, max_words):
        return ()


class SeesLaterWords(SelfAttentionDecoder):
    def _predict(self, words, keys, values, visible, memory):
        visible |= tf.shape(words)[1] > 1
        return super()._predict(words, keys, values, visible, memory)


class AttentionSeesLaterWords(SelfAttentionDecoder):
    def attention(self, tokens, encoded, length):
        return super().attention(tf.reverse(tokens, [1]), encoded, length)


class MixesCaptions(SelfAttentionDecoder):
    """Takes the rows of a clip for rows of other clips."""

    def call(self, tokens, encoded, length, training=None):
        copies = tf.shape(tokens)[0] // tf.shape(encoded)[0]
        return super().call(tokens, tf.tile(encoded, [copies, 1, 1]), tf.tile(length, [copies]))

    def step(self, tokens, state, memory):
        copies = tf.shape(tokens)[0] // tf.shape(memory[0])[0]
        return super().step(tokens, state, [tf.tile(tensor, [copies, 1, 1]) for tensor in memory])


class AttendsToPadding(SelfAttentionDecoder):
    def prepare_memory(self, encoded, length):
        keys, values, valid = super().prepare_memory(encoded, length)
        return keys, values, tf.ones_like(valid)


class AttentionIsNoDistribution(SelfAttentionDecoder):
    def attention(self, tokens, encoded, length):
        return 2 * super().attention(tokens, encoded, length)


class HalfLogits(SelfAttentionDecoder):
    def step(self, tokens, state, memory):
        logits, state = super().step(tokens, state, memory)
        return tf.cast(logits, self.compute_dtype), state


class PackedSeesOtherClips(SelfAttentionDecoder):
    def packed(self, words, packing, encoded, length, training=None):
        return super().packed(words, packing, tf.reverse(encoded, [0]), length, training)


class PackedLosesGradients(SelfAttentionDecoder):
    def packed(self, words, packing, encoded, length, training=None):
        return super().packed(words, packing, tf.stop_gradient(encoded), length, training)


class RequiredOption(SelfAttentionDecoder):
    def __init__(self, vocabulary_size, units, **kwargs):
        super().__init__(vocabulary_size, units, **kwargs)


class NotADecoder(tf.keras.layers.Layer):
    pass


DECODERS = {
    OtherEmbeddings: "embedded words have other logits",
    CacheTooSmall: "a step differs from a call",
    FixedCache: "a step differs from a call",
    GrowingCache: "changes the structure, a shape",
    ForgetsPosition: "a step differs from a call",
    ScalarPosition: "first axis of the state",
    NoState: "first axis of the state",
    SeesLaterWords: "a step differs from a call",
    AttentionSeesLaterWords: "attention depends on later words",
    MixesCaptions: "captions of a clip change each other",
    AttendsToPadding: "padding changes",
    AttentionIsNoDistribution: "does not sum to 1",
    HalfLogits: "not float32 under mixed_bfloat16",
    PackedSeesOtherClips: "packed captions have other logits",
    PackedLosesGradients: "packed captions have other logits or gradients",
    RequiredOption: "without a default",
    NotADecoder: "not a Decoder",
}


@pytest.fixture
def no_layer_checks(monkeypatch):
    """Skips `check_layer`, which `test_layer_checks.py` tests, to save time."""
    tf.keras.utils.set_random_seed(1)
    for module in (contracts.encoder, contracts.decoder):
        monkeypatch.setattr(module, "check_layer", lambda layer, call, **expected: call(layer))


@pytest.mark.usefixtures("no_layer_checks")
@pytest.mark.parametrize("kind", [StridedConv1D, *ENCODERS], ids=lambda kind: kind.__name__)
def test_check_encoder_catches_the_mistake(kind):
    features = tf.random.stateless_normal([4, 19, 5], [1, 2])
    with expect_message(ENCODERS.get(kind)):
        check_encoder(kind(), features)


@pytest.mark.usefixtures("no_layer_checks")
@pytest.mark.parametrize("kind", [SelfAttentionDecoder, *DECODERS], ids=lambda kind: kind.__name__)
def test_check_decoder_catches_the_mistake(kind):
    decoder = kind() if kind is NotADecoder else kind(11, units=6)
    with expect_message(DECODERS.get(kind)):
        check_decoder(decoder, 8)


def expect_message(message):
    """Expects a failed assertion with a message; None expects none."""
    return contextlib.nullcontext() if message is None else pytest.raises(AssertionError, match=message)


@pytest.mark.parametrize("name", ["output_width", "step_stride"])
def test_base_encoder_names_what_is_missing(name):
    with pytest.raises(NotImplementedError, match=f"Encoder must define `{name}`"):
        getattr(Encoder(), name)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("prepare_memory", 2), ("initial_state", 2), ("step", 3), ("embed", 1), ("call", 3), ("attention", 3)],
)
def test_base_decoder_names_what_is_missing(name, arguments):
    with pytest.raises(NotImplementedError, match=f"Decoder must define `{name}`"):
        getattr(Decoder(11), name)(*[None] * arguments)
