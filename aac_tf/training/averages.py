"""Validation with the moving average of the weights."""

import tensorflow as tf


def with_averages(model, *groups):
    """Lets groups of callbacks validate, score and save a model with the moving averages of its weights.

    The model has the averages from the start of validation (without validation, from the first callback at the end of
    the epoch) to the last callback of the first group at the end of the epoch. It has them again while each further
    group is called at the end of the epoch; callbacks between the groups see the trained weights.

    Args:
        model: compiled `CaptioningModel`, whose optimizer is that of `build_optimizer` with `ema`.
        *groups: lists of Keras callbacks, in the order in which they will be passed to `fit`.

    Returns:
        list of lists of Keras callbacks, one for each group.
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

    return [[UseAverages(), *callbacks, UseTrained()] for callbacks in groups]
