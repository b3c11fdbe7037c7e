"""A training step in parts is that of the whole batch."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.models import AttentionDecoder, CaptioningModel, SubsampledBiRNN
from aac_tf.models.loss import CaptionCrossentropy, position_weights
from aac_tf.models.microbatches import Microbatches

WORDS, CLIPS, WIDTH = 11, 5, 3
COUNTS = tf.constant([[3, 2], [1, 3], [2, 0], [3, 3], [2, 1]])
TOKENS = tf.random.stateless_uniform([CLIPS, 2, WIDTH], [1, 2], 3, WORDS, tf.int32)
PLAIN = {
    "features": tf.random.stateless_normal([CLIPS, 4, 5], [3, 4]),
    "length": tf.constant([4, 3, 1, 2, 4]),
    "tokens": TOKENS,
}
MIXED = {"partner": tf.constant([1, 2, 3, 4, 0]), "share": tf.constant([0.6, 0.7, 1.0, 0.5, 0.9]), "words": COUNTS}
SAMPLED = {
    "sampled": (tf.range(WIDTH) > 0) & (TOKENS % 2 == 0),
    "quantile": tf.random.stateless_uniform(TOKENS.shape, [5, 6]),
}
KINDS = {"plain": {}, "mixed": MIXED, "mixed and sampled": SAMPLED | MIXED}


@functools.cache
def step(rows, kind, eager=True, xla=False, **options):
    """The loss of a step and the changes of the weights by gradients clipped to a norm."""
    tf.keras.utils.set_random_seed(3)
    encoder = SubsampledBiRNN(4, 1, "gru")
    model = CaptioningModel(encoder, AttentionDecoder(WORDS, units=6, embedding=4, attention_units=5), **options)
    inputs = PLAIN | KINDS[kind]
    model(inputs)
    model.microbatches = None if rows is None else Microbatches(rows)
    optimizer = tf.keras.optimizers.SGD(1.0, global_clipnorm=0.05)
    model.compile(optimizer, CaptionCrossentropy(), weighted_metrics=[], run_eagerly=eager, jit_compile=xla)
    targets = tf.concat([TOKENS[..., 1:], tf.fill([CLIPS, 2, 1], 2)], -1)
    weights = position_weights(targets, COUNTS, tf.size(targets))
    before = [variable.numpy() for variable in model.trainable_variables]
    loss = model.train_on_batch(inputs, targets, weights)
    return loss, [new.numpy() - old for new, old in zip(model.trainable_variables, before)]


def assert_equal(one, other):
    """Asserts that two results of `step` are equal."""
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    for found, expected in zip(one[1], other[1], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("rows", "kind"), [(1, "plain"), (2, "plain"), (2, "mixed"), (3, "mixed and sampled")])
def test_a_step_in_parts_is_that_of_the_whole_batch(rows, kind):
    assert_equal(step(rows, kind, label_smoothing=0.1), step(None, kind, label_smoothing=0.1))


def test_more_rows_than_the_batch_has_are_one_part():
    assert_equal(step(32, "plain", label_smoothing=0.1), step(None, "plain", label_smoothing=0.1))


@pytest.mark.slow
@pytest.mark.parametrize("xla", [False, True])
def test_a_compiled_step_is_that_of_the_whole_batch(xla):
    kind = "plain" if xla else "mixed and sampled"
    assert_equal(step(2, kind, eager=False, xla=xla), step(None, kind, eager=False))
