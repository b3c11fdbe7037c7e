"""The optimizer of a run: Adam, AdamW, and the moving average of the weights."""

import tensorflow as tf


def build_optimizer(options, model):
    """Builds the optimizer of a model, within the scope of its strategy.

    Args:
        options: `TrainingConfig`.
        model: built `CaptioningModel`.

    Returns:
        `tf.keras.optimizers.Optimizer` with its variables created. With `ema`, it has the method `assign_averages` of
        `AveragingAdam`, or its `inner_optimizer` has.

    Reference:
        D. P. Kingma, J. Ba, Adam: A Method for Stochastic Optimization, ICLR 2015.
        B. T. Polyak, A. B. Juditsky, Acceleration of stochastic approximation by averaging, SIAM Journal on Control
        and Optimization 1992 (`ema`).
    """
    optimizer_class = AveragingAdam if options.ema else tf.keras.optimizers.Adam
    averaging = {"use_ema": True, "ema_momentum": options.ema} if options.ema else {}
    optimizer = optimizer_class(options.learning_rate, global_clipnorm=options.clip_norm, **averaging)
    if options.precision == "float16":
        optimizer = tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    return optimizer


class _Averaging:
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
