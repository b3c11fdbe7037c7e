"""Training steps with every front end, compiled by XLA and in lower precision."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from tf_keras.src.layers.rnn.gru_lstm_utils import is_cudnn_supported_inputs
from transformers import ASTConfig

from aac_tf.build import build_model
from aac_tf.config import load_config
from aac_tf.decoding import Beam, Sample
from aac_tf.embeddings import AstEmbedder, TFASTModel
from aac_tf.inference.graphs import encode_function, search_function
from aac_tf.text import WordTokenizer

SMALL = ["encoder.units=8", "decoder.units=8"]
KINDS = {
    "attention": ["decoder.embedding=8", "decoder.attention_units=8", "encoder.subsampling=2"],
    "fixed_vector": ["decoder.kind=fixed_vector", "encoder.cell=gru", "encoder.residual=true"],
}
TOKENIZER = WordTokenizer(["<PAD>", "<START>", "<END>", "<UNK>", "a", "dog", "barks", "rain", "falls"], max_words=6)


@pytest.fixture(scope="session")
def ast_embedder(tmp_path_factory):
    """A small AST with random weights."""
    folder = tmp_path_factory.mktemp("ast")
    config = ASTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_length=128,
        num_mel_bins=128,
    )
    tf.keras.utils.set_random_seed(0)
    model = TFASTModel(config)
    model(model.dummy_inputs)
    model.save_pretrained(folder)
    return AstEmbedder(str(folder), batch_windows=4)


def make_model(kind, embedder=None, precision="float32"):
    tf.keras.utils.set_random_seed(0)
    config = load_config(None, [*SMALL, *KINDS[kind]])
    bins = 64 if embedder is None else embedder.spec.num_bins
    return config, build_model(config, TOKENIZER.vocabulary_size(), embedder=embedder, bins=bins, precision=precision)


def make_batch(frames, bins):
    random = np.random.default_rng(frames)
    features = random.normal(size=(3, frames, bins)).astype(np.float32)
    tokens = random.integers(4, 9, (3, 2, 7)).astype(np.int32)
    inputs = {"features": features, "length": np.array([frames, frames - 30, 1], np.int32), "tokens": tokens[..., :-1]}
    return inputs, tokens[..., 1:], np.ones([3, 2, 6], np.float32)


def take_steps(kind, embedder=None, xla=False, precision="float32", steps=(200, 260)):
    """Losses of training steps on batches of two shapes, and the resulting weights."""
    _, model = make_model(kind, embedder, precision)
    optimizer = tf.keras.optimizers.Adam(1e-2, global_clipnorm=1.0)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=xla)
    bins = 64 if embedder is None else embedder.spec.num_bins
    losses = [model.train_on_batch(*make_batch(frames, bins)) for frames in steps]
    return losses, model.trainable_weights


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "front_end"),
    [("attention", None), ("fixed_vector", None), ("attention", "embedder"), ("attention", "ast_embedder")],
)
def test_a_training_step_is_the_same_under_xla(kind, front_end, request):
    front_end = front_end and request.getfixturevalue(front_end)
    (losses, weights), (expected, expected_weights) = (take_steps(kind, front_end, xla) for xla in (True, False))
    np.testing.assert_allclose(losses, expected, atol=1e-5)
    for weight, wanted in zip(weights, expected_weights):
        np.testing.assert_allclose(weight, wanted, atol=1e-5, err_msg=weight.name)


@pytest.mark.parametrize("search", [Beam(1), Beam(3), Sample(2, top_p=0.9, seed=1)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_search_is_the_same_under_xla(kind, search):
    _, model = make_model(kind)
    inputs, *_ = make_batch(200, 64)
    encoded = encode_function(model, 64)(inputs["features"], inputs["length"])
    find = search_function(model, TOKENIZER, search)
    start = tf.fill(tf.shape(encoded[1]), TOKENIZER.start_id)
    found, expected = tf.function(find.python_function, jit_compile=True)(*encoded, start), find(*encoded, start)
    np.testing.assert_array_equal(found.tokens, expected.tokens)
    np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_trains_alike_with_float32_outputs_and_weights(kind, precision):
    _, model = make_model(kind, precision=precision)
    inputs, *_ = make_batch(200, 64)
    encoded, length = model.encode(inputs["features"], inputs["length"])
    assert encoded.dtype == precision
    tokens = inputs["tokens"][:, 0]
    assert model.decoder(tokens, encoded, length).dtype == tf.float32
    assert model.decoder.attention(tokens, encoded, length).dtype == tf.float32
    assert {weight.dtype for weight in model.weights if weight.dtype.is_floating} == {tf.float32}
    # Batches of one shape, as each shape is traced.
    losses, _ = take_steps(kind, precision=precision, steps=(200, 200))
    np.testing.assert_allclose(losses, losses_in_float32(kind), rtol=0.02)


@functools.cache
def losses_in_float32(kind):
    return take_steps(kind, steps=(200, 200))[0]


def test_recurrent_layers_can_use_cudnn(monkeypatch):
    """Known activations and padding on the right; otherwise Keras silently runs its loops on a GPU."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a GPU"])
    for kind in KINDS:
        _, model = make_model(kind)
        layers = [part for layer in model.encoder.bidirectional for part in (layer.forward_layer, layer.backward_layer)]
        layers += [layer for layer in model.decoder.submodules if isinstance(layer, tf.keras.layers.GRU)]
        assert all(layer._could_use_gpu_kernel for layer in layers)
    for lengths in ([5, 3, 1], [5, 5, 5]):
        assert is_cudnn_supported_inputs(tf.sequence_mask(lengths, 5), time_major=False, sequence_lengths=None)
