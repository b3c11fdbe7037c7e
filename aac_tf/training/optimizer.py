"""The optimizer of a run: Adam, AdamW, and the moving average of the weights."""

import tensorflow as tf


def build_optimizer(options, model):
    """Builds the optimizer of a model, within the scope of its strategy.

    Args:
        options: `TrainingConfig`.
        model: built `CaptioningModel`.

    Returns:
        `tf.keras.optimizers.Optimizer` with its variables created. With `ema`, it, or its `inner_optimizer`, has the
        method `assign_averages` of `AveragingAdam`.

    Reference:
        D. P. Kingma, J. Ba, Adam: A Method for Stochastic Optimization, ICLR 2015.
        I. Loshchilov, F. Hutter, Decoupled Weight Decay Regularization, ICLR 2019 (`weight_decay`).
        B. T. Polyak, A. B. Juditsky, Acceleration of stochastic approximation by averaging, SIAM Journal on Control
        and Optimization 1992 (`ema`).
    """
    weights = model.trainable_variables
    arguments = {"global_clipnorm": options.clip_norm}
    if options.ema:
        arguments.update(use_ema=True, ema_momentum=options.ema)
    if options.weight_decay:
        arguments.update(weight_decay=options.weight_decay)
        optimizer = (AveragingAdamW if options.ema else tf.keras.optimizers.AdamW)(options.learning_rate, **arguments)
        optimizer.exclude_from_weight_decay(var_list=[weight for weight in weights if not is_decayed(weight)])
    else:
        optimizer = (AveragingAdam if options.ema else tf.keras.optimizers.Adam)(options.learning_rate, **arguments)
    if options.precision == "float16":
        optimizer = tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
    optimizer.build(weights)
    return optimizer


def is_decayed(weight):
    """Whether weight decay shrinks a weight, a variable: kernels, but not biases, embeddings and scales of norms."""
    return weight.shape.rank > 1 and weight.name.split("/")[-1].split(":")[0] not in ("bias", "embeddings")


class _Averaging(tf.keras.optimizers.Optimizer):
    """Makes the moving average of a Keras optimizer (`use_ema`) useful for short runs and for runs that resume.

    Keras' average starts from the untrained weights, which a decay of 0.999 keeps for thousands of steps. Here the
    decay of step t is at most (1 + t) / (10 + t), as in `tf.train.ExponentialMovingAverage`. Keras' `fit` also ends
    with the averages as the weights, from which a resumed run would go on.
    """

    @property
    def ema_momentum(self):
        """The decay of the current step."""
        step = tf.cast(self.iterations, tf.float32)
        return tf.minimum(self._decay, (1 + step) / (10 + step))

    @ema_momentum.setter
    def ema_momentum(self, decay):
        self._decay = decay

    def finalize_variable_values(self, var_list):
        """Keeps the weights, which `fit` would replace by their averages."""

    def assign_averages(self, variables):
        """Replaces weights by their averages."""
        super().finalize_variable_values(variables)


class AveragingAdam(_Averaging, tf.keras.optimizers.Adam):
    """Adam with the moving average of `_Averaging`."""


class AveragingAdamW(_Averaging, tf.keras.optimizers.AdamW):
    """AdamW with the moving average of `_Averaging`."""
