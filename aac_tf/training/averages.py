"""Validation with the moving average of the weights."""

import tensorflow as tf


def with_averages(model, callbacks):
    """Lets callbacks validate, score and save a model with the moving averages of its weights.

    The model has the averages from the start of its validation, or of the first callback at the end of the epoch if
    there is no validation, to the last of the callbacks at the end of the epoch.

    Args:
        model: compiled `CaptioningModel`, whose optimizer is that of `build_optimizer` with `ema`.
        callbacks: list of Keras callbacks.

    Returns:
        list of Keras callbacks.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    weights, trained = model.trainable_variables, []

    class UseAverages(tf.keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            if not trained:
                trained.extend(tf.identity(weight) for weight in weights)
                optimizer.assign_averages(weights)

        def on_epoch_end(self, epoch, logs=None):
            self.on_test_begin()

    class UseTrained(tf.keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            for weight, value in zip(weights, trained, strict=True):
                weight.assign(value)
            trained.clear()

    return [UseAverages(), *callbacks, UseTrained()]
