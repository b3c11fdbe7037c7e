"""Checks that a decoder keeps the contract of `aac_tf.models.Decoder`."""

import inspect

import numpy as np
import tensorflow as tf
from layer_checks import check_layer, perturb_weights

from aac_tf.decoding import beam_search
from aac_tf.models import Decoder
from aac_tf.models.packing import Packing

LENGTH = tf.constant([7, 3, 1])
CLIPS, STEPS = 3, 7
CAPTIONS = 2  # of each clip
WORDS = 4


def check_decoder(decoder, encoded_width, **expected):
    """Checks everything that `Decoder` promises.

    Args:
        decoder: `Decoder` that was not called yet, with a dropout rate above 0 if it has one and a vocabulary of at
            least 3 words.
        encoded_width: int, width of an encoder step.
        **expected: `expected_num_...` arguments of `check_layer`.
    """
    assert isinstance(decoder, Decoder), "not a Decoder"
    _check_constructor(type(decoder))
    encoded = tf.random.stateless_normal([CLIPS, STEPS, encoded_width], [3, 4])
    shape = [CLIPS * CAPTIONS, WORDS]
    tokens = tf.random.stateless_uniform(shape, [1, 2], 0, decoder.vocabulary_size, tf.int32)
    check_layer(
        decoder,
        lambda layer: layer(tokens, encoded, LENGTH),
        expected_output_shape=(*shape, decoder.vocabulary_size),
        expected_output_dtype="float32",
        **expected,
    )
    perturb_weights(decoder)
    _check_uses_tokens(decoder, tokens, encoded)
    _check_embedding(decoder, tokens, encoded)
    _check_steps(decoder, tokens, encoded)
    _check_captions_share_a_clip(decoder, tokens, encoded)
    _check_padding(decoder, tokens, encoded)
    _check_packed(decoder, tokens, encoded)
    _check_attention(decoder, tokens, encoded)
    _check_half_precision(decoder, tokens, encoded)
    _check_search(decoder, encoded)


def _check_constructor(kind):
    first, *others = list(inspect.signature(kind.__init__).parameters.values())[1:]
    assert first.name == "vocabulary_size", "`vocabulary_size` is not the first argument"
    named = [other for other in others if other.kind not in (other.VAR_KEYWORD, other.VAR_POSITIONAL)]
    required = [other.name for other in named if other.default is other.empty]
    assert not required, f"arguments without a default: {required}"


def _check_uses_tokens(decoder, tokens, encoded):
    """`uses_tokens` says whether the first token, which may be a style, changes the logits of all words."""
    first = (tokens[:, :1] + 1) % decoder.vocabulary_size
    logits = decoder(tokens, encoded, LENGTH)
    others = decoder(tf.concat([first, tokens[:, 1:]], axis=1), encoded, LENGTH)
    changed = np.abs(logits - others).max(axis=-1) > 1e-6
    assert changed.all() if decoder.uses_tokens else not changed.any(), f"uses_tokens={decoder.uses_tokens} is wrong"


def _check_embedding(decoder, tokens, encoded):
    """A call takes the embeddings of words in place of the words."""
    if not decoder.uses_tokens:
        return
    embedded = decoder.embed(tokens)
    assert embedded.shape[:2] == tokens.shape, f"embeddings have the shape {embedded.shape}"
    logits = decoder(tokens, encoded, LENGTH)
    _assert_close(decoder(embedded, encoded, LENGTH), logits, "embedded words have other logits")
    changed = np.abs(decoder(0.5 * embedded, encoded, LENGTH) - logits).max(axis=-1) > 1e-6
    assert changed.all(), "embeddings do not change the logits"


def _check_steps(decoder, tokens, encoded):
    """Steps give the logits of a call, `max_words + 1` of them, from a state of fixed shapes."""
    expected = decoder(tokens, encoded, LENGTH)
    memory = decoder.prepare_memory(encoded, LENGTH)
    assert _rows(memory) <= {CLIPS}, "the first axis of the memory is not the batch"
    for max_words in (WORDS - 1, 20):
        state = decoder.initial_state(memory, max_words)
        assert _rows(state) == {CLIPS}, "the first axis of the state is not the batch"
        state = tf.nest.map_structure(lambda tensor: tf.repeat(tensor, CAPTIONS, axis=0), state)
        kind = _shapes(state)
        for word in range(WORDS):
            logits, state = decoder.step(tokens[:, word], state, memory)
            assert logits.dtype == tf.float32, "logits of a step are not float32"
            _assert_close(logits, expected[:, word], "a step differs from a call")
            assert _shapes(state) == kind, "a step changes the structure, a shape or a dtype of the state"


def _check_captions_share_a_clip(decoder, tokens, encoded):
    """Each caption of a clip has the logits that it has without the others."""
    together = decoder(tokens, encoded, LENGTH)
    for caption in range(CAPTIONS):
        alone = decoder(tokens[caption::CAPTIONS], encoded, LENGTH)
        _assert_close(together[caption::CAPTIONS], alone, "captions of a clip change each other")


def _check_padding(decoder, tokens, encoded):
    """A clip has the same logits and attention alone as in a batch, whatever its padding holds."""
    padded = tf.pad(encoded, [[0, 0], [0, 2], [0, 0]])
    valid = tf.sequence_mask(LENGTH, STEPS + 2)[..., tf.newaxis]
    for content in (0.0, 100.0):
        batch = tf.where(valid, padded, content)
        logits, weights = decoder(tokens, batch, LENGTH), decoder.attention(tokens, batch, LENGTH)
        for clip, steps in enumerate(LENGTH.numpy()):
            rows = slice(CAPTIONS * clip, CAPTIONS * (clip + 1))
            alone = tokens[rows], encoded[clip : clip + 1, :steps], LENGTH[clip : clip + 1]
            _assert_close(logits[rows], decoder(*alone), "padding changes logits")
            _assert_close(weights[rows, :, :steps], decoder.attention(*alone), "padding changes attention")


def _check_packed(decoder, tokens, encoded):
    """Without the padding of captions, logits, gradients and the embeddings that are taken are those of a call."""
    lengths = tf.constant([3, 0, 1, WORDS, 0, 2])
    valid = tf.sequence_mask(lengths, WORDS, dtype=tf.float32)[..., tf.newaxis]
    wanted = valid * tf.random.stateless_normal([*tokens.shape, decoder.vocabulary_size], [5, 6])
    variables = decoder.trainable_variables

    def padded():
        return decoder(tokens, encoded, LENGTH) * wanted

    def packed(embed=lambda tokens: tokens):
        packing = Packing(lengths, WORDS)
        logits = decoder.packed(embed(packing.pack(tokens)), packing, encoded, LENGTH)
        return packing.unpack(logits) * wanted

    results = []
    for function in (padded, packed):
        with tf.GradientTape() as tape:
            tape.watch(encoded)
            products = function()
        zeros = tf.UnconnectedGradients.ZERO
        gradients = tape.gradient(products, [encoded, *variables], unconnected_gradients=zeros)
        results.append([products, *(tf.convert_to_tensor(gradient) for gradient in gradients)])
    for expected, found in zip(*results, strict=True):
        _assert_close(found, expected, "packed captions have other logits or gradients")
    if decoder.uses_tokens:
        _assert_close(packed(decoder.embed), results[0][0], "packed embeddings have other logits than their words")


def _check_attention(decoder, tokens, encoded):
    """Attention is a distribution over the valid steps of the clip and does not depend on later words."""
    weights = decoder.attention(tokens, encoded, LENGTH)
    assert tuple(weights.shape) == (CLIPS * CAPTIONS, WORDS, STEPS), f"attention has the shape {weights.shape}"
    assert weights.dtype == tf.float32, "attention is not float32"
    weights = weights.numpy()
    assert (weights >= 0).all(), "attention is negative"
    _assert_close(weights.sum(-1), np.ones([CLIPS * CAPTIONS, WORDS]), "attention does not sum to 1")
    invalid = np.repeat(~tf.sequence_mask(LENGTH, STEPS).numpy(), CAPTIONS, axis=0)
    assert not weights.swapaxes(1, 2)[invalid].any(), "attention is not zero beyond the length"
    first = decoder.attention(tokens[:, :2], encoded, LENGTH)
    _assert_close(first, weights[:, :2], "attention depends on later words")
    explained = decoder.explain(tokens, encoded, LENGTH)
    _assert_close(explained[0], decoder(tokens, encoded, LENGTH), "other logits with attention than without")
    _assert_close(explained[1], weights, "other attention with logits than without")


def _check_half_precision(decoder, tokens, encoded):
    """Logits and attention are float32, also after an encoder that computes in bfloat16."""
    half = type(decoder).from_config({**decoder.get_config(), "dtype": "mixed_bfloat16"})
    encoded = tf.cast(encoded, tf.bfloat16)
    memory = half.prepare_memory(encoded, LENGTH)
    logits, _ = half.step(tokens[::CAPTIONS, 0], half.initial_state(memory, WORDS), memory)
    assert logits.dtype == tf.float32, "logits of a step are not float32 under mixed_bfloat16"
    assert half.attention(tokens, encoded, LENGTH).dtype == tf.float32, "attention is not float32 under mixed_bfloat16"
    packing = Packing(tf.fill([CLIPS * CAPTIONS], WORDS), WORDS)
    logits = half.packed(packing.pack(tokens), packing, encoded, LENGTH)
    assert logits.dtype == tf.float32, "packed logits are not float32 under mixed_bfloat16"


def _check_search(decoder, encoded):
    """Beam search works in a graph for all shapes and under XLA, and finds the same captions for a clip alone."""

    def search(encoded, length):
        memory = decoder.prepare_memory(encoded, length)
        state = decoder.initial_state(memory, max_words=5)
        return beam_search(decoder.step, state, memory, start_id=1, end_id=2, beam_size=2, max_words=5)

    signature = [tf.TensorSpec([None, None, encoded.shape[-1]]), tf.TensorSpec([None], tf.int32)]
    graph = tf.function(search, signature, autograph=False)
    found = graph(encoded, LENGTH)
    for clip, steps in enumerate(LENGTH.numpy()):
        alone = graph(encoded[clip : clip + 1, :steps], LENGTH[clip : clip + 1])
        np.testing.assert_array_equal(found.tokens[clip], alone.tokens[0], "a clip alone has other captions")
        _assert_close(found.log_probs[clip], alone.log_probs[0], "a clip alone has other log-probabilities")
    compiled = tf.function(search, jit_compile=True, autograph=False)(encoded, LENGTH)
    np.testing.assert_array_equal(compiled.tokens, found.tokens, "other captions under XLA")


def _assert_close(found, expected, message):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=message)


def _rows(nest):
    return {tensor.shape[0] if tensor.shape.rank else None for tensor in tf.nest.flatten(nest)}


def _shapes(nest):
    return tf.nest.map_structure(lambda tensor: (tuple(tensor.shape), tensor.dtype), nest)
