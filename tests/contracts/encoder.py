"""Checks that an encoder keeps the contract of `aac_tf.models.Encoder`."""

import numpy as np
import tensorflow as tf
from layer_checks import check_layer, perturb_weights

from aac_tf.models import Encoder


def check_encoder(encoder, features, **expected):
    """Checks everything that `Encoder` promises.

    Args:
        encoder: `Encoder` that was not called yet, with a dropout rate above 0 if it has one.
        features: float `[batch, time, features]`, at least 3 clips; they get lengths from `time` down to 1.
        **expected: `expected_num_...` arguments of `check_layer`.
    """
    assert isinstance(encoder, Encoder), "not an Encoder"
    features = tf.convert_to_tensor(features, tf.float32)
    batch, time, _ = features.shape
    lengths = np.linspace(time, 1, batch).astype(np.int32)
    _check_output_length(encoder)
    check_layer(
        encoder,
        lambda layer: layer(features, lengths),
        expected_output_shape=((batch, encoder.output_length(time), encoder.output_width), (batch,)),
        build_shape=features.shape if type(encoder).build is not tf.keras.layers.Layer.build else None,
        **expected,
    )
    perturb_weights(encoder)
    _check_padding(encoder, features, lengths)
    _check_infer(encoder, features, lengths)


def _check_output_length(encoder):
    """`output_length` takes ints and tensors, is at least 1, and grows by 1 every `step_stride` input steps."""
    assert isinstance(encoder.output_width, int), "`output_width` is not an int"
    assert isinstance(encoder.step_stride, int), "`step_stride` is not an int"
    lengths = [*range(1, 40), 1000, 1001]
    steps = [encoder.output_length(length) for length in lengths]
    assert all(isinstance(count, int) for count in steps), "`output_length` of an int is not an int"
    assert min(steps) >= 1, "`output_length` below 1"
    assert steps == sorted(steps), "`output_length` falls for longer clips"
    for call in (encoder.output_length, tf.function(encoder.output_length)):
        tensor = call(tf.constant(lengths))
        assert tensor.dtype == tf.int32, "`output_length` of an int32 tensor is not int32"
        np.testing.assert_array_equal(tensor, steps, "`output_length` differs for ints and tensors")
    for length in range(1000, 1000 + encoder.step_stride):
        for more in (1, 5):
            longer = encoder.output_length(length + more * encoder.step_stride)
            assert longer == encoder.output_length(length) + more, "`step_stride` disagrees with `output_length`"


def _check_padding(encoder, features, lengths):
    """A clip has the same steps alone as in a batch, whatever its padding holds and however long it is."""
    alone = [encoder(features[row : row + 1, :length]) for row, length in enumerate(lengths)]
    padded = tf.pad(features, [[0, 0], [0, 7], [0, 0]])
    valid = tf.sequence_mask(lengths, padded.shape[1])[..., tf.newaxis]
    for content in (0.0, 100.0):
        encoded, steps = encoder(tf.where(valid, padded, content), lengths)
        assert encoded.shape[1] == encoder.output_length(padded.shape[1]), "`output_length` disagrees with a call"
        assert steps.dtype == tf.int32, "length is not int32"
        for row, (expected, count) in enumerate(alone):
            wanted = encoder.output_length(int(lengths[row]))
            assert steps[row] == count[0] == expected.shape[1] == wanted, "`output_length` disagrees with a call"
            found = encoded[row, :wanted]
            np.testing.assert_allclose(found, expected[0], rtol=1e-4, atol=1e-5, err_msg="padding changes steps")
            assert not encoded[row, wanted:].numpy().any(), "not zero beyond the length"


def _check_infer(encoder, features, lengths):
    """`infer` equals a call without training, also in a graph for all shapes and before the encoder is built."""
    signature = [tf.TensorSpec([None, None, features.shape[-1]]), tf.TensorSpec([None], tf.int32)]
    infer = tf.function(encoder.infer, signature, autograph=False)
    encoded, steps = infer.get_concrete_function().structured_outputs
    assert encoded.shape.as_list()[::2] == [None, encoder.output_width], "a graph does not know the width"
    assert (encoded.dtype, steps.dtype) == (encoder.compute_dtype, tf.int32), "`infer` returns other dtypes"
    for inputs in ((features, lengths), (features[1:2, : lengths[1]], lengths[1:2])):
        expected, count = encoder(*inputs, training=False)
        for found in (infer(*inputs), encoder.infer(*inputs)):
            np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5, err_msg="`infer` differs from a call")
            np.testing.assert_array_equal(found[1], count, "`infer` differs from a call")
    fresh = type(encoder).from_config(encoder.get_config())
    fresh.infer(features, lengths)
    assert len(fresh.weights) == len(encoder.weights), "`infer` does not build the encoder"
