"""Dropout whose random state is saved."""

import numpy as np
import pytest
import tensorflow as tf
from layer_checks import check_layer

from aac_tf.models.dropout import CheckpointedDropout

ONES = tf.ones([200, 50])


def test_layer():
    check_layer(
        CheckpointedDropout(0.5),
        lambda layer: layer(ONES),
        expected_output_shape=(200, 50),
        expected_num_seed_generators=1,
        build_shape=[200, 50],
    )


def test_zeroes_the_rate_and_keeps_the_mean():
    dropped = CheckpointedDropout(0.25, seed=1)(ONES, training=True).numpy()
    assert abs((dropped == 0).mean() - 0.25) < 0.02
    np.testing.assert_allclose(dropped[dropped > 0], 1 / 0.75, rtol=1e-6)
    np.testing.assert_array_equal(CheckpointedDropout(0.25)(ONES), ONES)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_rates_that_no_training_step_can_use_are_refused(rate):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        CheckpointedDropout(rate)


def test_draws_new_masks_and_continues_from_a_checkpoint(tmp_path):
    layer = CheckpointedDropout(0.5, seed=1)
    call = tf.function(lambda: layer(ONES, training=True))
    first = call()
    path = tf.train.Checkpoint(layer=layer).save(str(tmp_path / "x"))
    second, third = call(), call()
    assert (first.numpy() != second.numpy()).any()
    other = CheckpointedDropout(0.5, seed=2)
    tf.train.Checkpoint(layer=other).restore(path).assert_consumed()
    np.testing.assert_array_equal(other(ONES, training=True), second)
    np.testing.assert_array_equal(other(ONES, training=True), third)
    assert not layer.weights
