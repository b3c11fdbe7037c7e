"""The sub-sampled bidirectional RNN."""

import numpy as np
import pytest
import tensorflow as tf
from contracts.encoder import check_encoder

from aac_tf.models import SubsampledBiRNN, subsampled_birnn

FACTORS = [1, 2, 4, 8, 16]


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_contract(cell):
    features = tf.random.stateless_normal([4, 9, 5], [1, 2])
    encoder = SubsampledBiRNN(4, 2, cell, subsampling=2, dropout=0.5)
    check_encoder(encoder, features, expected_num_trainable_weights=12, expected_num_seed_generators=2)


@pytest.mark.parametrize(
    ("factor", "steps"), [(1, (1292, 2584)), (2, (323, 646)), (4, (80, 161)), (8, (20, 40)), (16, (5, 10))]
)
def test_steps_of_15_and_30_seconds(factor, steps):
    encoder = SubsampledBiRNN(2, 3, "gru", subsampling=factor)
    assert (encoder.output_length(1292), encoder.output_length(2584)) == steps
    assert encoder.step_stride == factor**2
    infer = tf.function(encoder.infer, autograph=False)
    encoded, length = infer(tf.zeros([2, 2584, 3]), tf.constant([1292, 2584]))
    assert tuple(length.numpy()) == steps
    assert tuple(encoder.output_length(tf.constant([1292, 2584])).numpy()) == steps
    assert encoded.shape == (2, steps[1], 4)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("factor", FACTORS)
def test_equations(factor, residual):
    """H(l) = BiRNN(H'') + H'', where H'' are the steps 0, M, 2M, ... of H(l-1), written out with the same layers."""
    encoder = SubsampledBiRNN(3, 3, "gru", subsampling=factor, residual=residual)
    inputs = tf.random.stateless_normal([2, 35, 3], [3, 4])
    encoded, _ = encoder(inputs)
    first, *others = encoder.bidirectional
    hidden = first(inputs)
    for layer in others:
        kept = hidden[:, : max(1, hidden.shape[1] // factor) * factor : factor]
        hidden = layer(kept) + kept if residual else layer(kept)
    np.testing.assert_allclose(encoded, hidden, atol=1e-6)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("factor", FACTORS)
def test_padding_changes_nothing(cell, factor):
    encoder = SubsampledBiRNN(3, 3, cell, subsampling=factor)
    lengths = [35, 33, 16, 15, 1]
    clips = [tf.random.stateless_normal([length, 4], [length, 0]) for length in lengths]
    # The content of the padding must not matter either.
    batch = tf.stack([tf.concat([clip, 9.0 * tf.ones([40 - len(clip), 4])], 0) for clip in clips])
    encoded, steps = encoder(batch, tf.constant(lengths))
    for row, clip in enumerate(clips):
        alone, alone_steps = encoder(clip[tf.newaxis])
        assert steps[row] == alone_steps[0] == encoder.output_length(lengths[row])
        assert steps[row] >= 1
        np.testing.assert_allclose(encoded[row, : steps[row]], alone[0], atol=1e-6)
        assert not encoded[row, steps[row] :].numpy().any()


def test_dropout_only_in_training():
    encoder = SubsampledBiRNN(8, 2, "gru", dropout=0.5)
    inputs = tf.random.stateless_normal([1, 20, 4], [1, 1])
    np.testing.assert_array_equal(encoder(inputs)[0], encoder(inputs, training=False)[0])
    assert np.abs(encoder(inputs, training=True)[0] - encoder(inputs)[0]).max() > 1e-3


def test_errors_name_the_wrong_argument():
    with pytest.raises(ValueError, match="cell"):
        SubsampledBiRNN(cell="rnn")
    with pytest.raises(ValueError, match="subsampling"):
        SubsampledBiRNN(subsampling=0)


@pytest.mark.parametrize(("devices", "dtype"), [(["a GPU"], "float32"), ([], "mixed_bfloat16")])
def test_inference_uses_keras_layers_where_loops_are_slower_or_less_exact(monkeypatch, devices, dtype):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: devices)
    monkeypatch.setattr(subsampled_birnn, "recurrent_loop", None)
    encoder = SubsampledBiRNN(3, 2, "gru", subsampling=2, dtype=dtype)
    inputs, length = tf.random.stateless_normal([2, 9, 4], [1, 1]), tf.constant([9, 4])
    np.testing.assert_array_equal(encoder.infer(inputs, length)[0], encoder(inputs, length)[0])
