"""The learning rate of each step."""

import types

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.config import load_config
from aac_tf.training.schedule import LearningRate


def learning_rate(*overrides, step=0):
    """The schedule of a run of 10 steps per epoch that was interrupted at a step."""
    options = load_config(None, ["training.learning_rate=0.1", *overrides]).training
    state = types.SimpleNamespace(epoch=step // 10, step=step % 10)
    return LearningRate(options, state, steps=10)


@pytest.mark.parametrize("schedule", ["plateau", "cosine", "constant"])
def test_warm_up_rises_to_the_learning_rate(schedule):
    rate = learning_rate(f"training.schedule={schedule}", "training.warmup_steps=4")
    np.testing.assert_allclose([rate.at(step) for step in range(4)], [0.025, 0.05, 0.075, 0.1])
    assert rate.at(4) in (None, 0.1)


def test_cosine_falls_to_the_minimum_with_the_last_epoch():
    options = ["training.schedule=cosine", "training.epochs=2", "training.min_learning_rate=0.02"]
    rates = [learning_rate(*options).at(step) for step in range(21)]
    np.testing.assert_allclose([rates[0], rates[10], rates[20]], [0.1, 0.06, 0.02])
    assert (np.diff(rates) < 0).all()
    assert learning_rate(*options).at(25) == pytest.approx(0.02)


def test_plateau_and_constant_leave_the_rate_to_others():
    assert learning_rate().at(0) is None
    assert learning_rate("training.schedule=constant").at(100) is None


def test_a_resumed_epoch_continues_the_schedule():
    options = ["training.schedule=cosine", "training.epochs=2"]
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=[1])])
    model.compile("adam", "mse")
    rate, seen = learning_rate(*options, step=13), []
    record = tf.keras.callbacks.LambdaCallback(
        on_batch_end=lambda batch, logs: seen.append(float(model.optimizer.learning_rate.numpy()))
    )
    model.fit(np.ones([7, 1]), np.ones(7), batch_size=1, initial_epoch=1, epochs=2, verbose=0, callbacks=[rate, record])
    np.testing.assert_allclose(seen, [rate.at(step) for step in range(13, 20)], rtol=1e-6)


def test_a_run_that_is_resumed_with_more_epochs_says_that_its_rate_jumps():
    options = ["training.schedule=cosine", "training.epochs=2"]
    before = learning_rate(*options).at(19)
    assert learning_rate(*options, step=20).describe_resumed(before) is None
    longer = learning_rate("training.schedule=cosine", "training.epochs=4", step=20).describe_resumed(before)
    assert longer.startswith("learning rate: 0.05 from here on, 0.000616 before")
    assert learning_rate(*options).describe_resumed(0.1) is None
    assert learning_rate(step=20).describe_resumed(0.05) is None
