"""The optimizer of a run, and the moving average of its weights."""

import numpy as np
import pytest
import tensorflow as tf
from training_helpers import Recorder, moving_average

from aac_tf.config import load_config
from aac_tf.training.averages import with_averages
from aac_tf.training.optimizer import build_optimizer

X = np.array([[1, 2], [3, 4], [5, 6], [7, 9.0]])
Y = np.array([1, 0, 2, 1.0])


def linear_model(*overrides):
    """A model of two weights with the optimizer of a config."""
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=[2])])
    optimizer = build_optimizer(load_config(None, overrides).training, model)
    model.compile(optimizer, "mse")
    return model


def fit(model, epochs=1, callbacks=()):
    data = {"x": X, "y": Y, "validation_data": (X, Y)}
    model.fit(**data, batch_size=1, shuffle=False, epochs=epochs, verbose=0, callbacks=list(callbacks))


def test_replicas_train_with_the_moving_average_and_weight_decay():
    """One replica, as a process has one CPU; `test_strategy.py` trains on two."""
    options = ["training.learning_rate=0.1", "training.ema=0.9", "training.weight_decay=0.1"]
    found = []
    for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0"])):
        with strategy.scope():
            model = linear_model(*options)
        seen = Recorder()
        fit(model, epochs=2, callbacks=with_averages(model, [seen])[0])
        found.append([seen.epochs, model.get_weights()])
    for one, replicated in zip(*map(tf.nest.flatten, found), strict=True):
        np.testing.assert_allclose(one, replicated, rtol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_epochs_end_with_the_moving_average_and_training_goes_on_without_it(precision):
    options = ["training.learning_rate=0.1", "training.ema=0.2", f"training.precision={precision}"]
    model, seen, during, later = linear_model(*options), Recorder(), Recorder(), Recorder()
    own, others = with_averages(model, [seen], [later])
    fit(model, epochs=2, callbacks=[*own, during, *others])
    expected = moving_average(seen.initial, seen.steps, 0.2)
    for recorder in (seen, later):
        for found, value, trained in zip(recorder.epochs[-1], expected, seen.steps[-1]):
            np.testing.assert_allclose(found, value, rtol=1e-5)
            assert not np.allclose(found, trained, rtol=1e-3)
    plain, steps = linear_model(*options[:1], options[2]), Recorder()
    fit(plain, epochs=2, callbacks=[steps])
    for found, value in zip(tf.nest.flatten([seen.steps, during.epochs]), tf.nest.flatten([steps.steps, steps.epochs])):
        np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("options", [[], ["training.ema=0.9"]])
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_weight_decay_shrinks_kernels_but_not_biases_embeddings_and_norms(options, precision):
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Embedding(3, 4), layers.GRU(2), layers.LayerNormalization(), layers.Dense(2)])
    model(tf.zeros([1, 2], tf.int32))
    weights = {weight.name.split(":")[0]: weight for weight in model.trainable_weights}
    for weight in weights.values():
        weight.assign(tf.ones_like(weight))
    overrides = ["training.weight_decay=0.5", "training.learning_rate=0.1", f"training.precision={precision}", *options]
    model.compile(build_optimizer(load_config(None, overrides).training, model), lambda y, logits: 0 * logits)
    model.fit(tf.zeros([1, 2], tf.int32), tf.zeros([1, 2]), verbose=0)
    found = {name: float(tf.reduce_mean(weight)) for name, weight in weights.items()}
    assert {name.split("/")[-1] for name in found} >= {"kernel", "recurrent_kernel", "bias", "embeddings", "gamma"}
    for name, value in found.items():
        assert value == pytest.approx(0.95 if name.endswith("kernel") else 1.0, abs=1e-4), name


def test_without_weight_decay_and_average_the_optimizer_is_adam():
    """Checkpoints of earlier versions hold the state of this class."""
    for text in ("weight_decay=0.0", "ema=0", "ema=null"):
        assert type(linear_model(f"training.{text}").optimizer) is tf.keras.optimizers.Adam


def test_validation_uses_the_moving_average():
    model = linear_model("training.learning_rate=0.1", "training.ema=0.9")
    losses = []
    seen = tf.keras.callbacks.LambdaCallback(
        on_test_end=lambda logs: losses.append((logs["loss"], model.get_weights()))
    )
    fit(model, callbacks=with_averages(model, [seen])[0])
    ((loss, averages),) = losses
    assert not np.allclose(averages[0], model.get_weights()[0])
    model.set_weights(averages)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(loss, rel=1e-5)
