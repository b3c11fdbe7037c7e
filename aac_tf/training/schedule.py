"""The learning rate of each step."""

import math

import tensorflow as tf


def warmup(options, step, steps):
    """Returns the learning rate of a step during the warm-up; None after it, for a rate that other callbacks change."""
    if step >= options.warmup_steps:
        return None
    return options.learning_rate * (step + 1) / options.warmup_steps


def cosine(options, step, steps):
    """Returns the learning rate of a step: half a cosine from `learning_rate` after the warm-up to `min_learning_rate`.

    Reference:
        I. Loshchilov, F. Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017 (without restarts).
    """
    if step < options.warmup_steps:
        return warmup(options, step, steps)
    done = (step - options.warmup_steps) / max(1, steps - options.warmup_steps)
    low = min(options.min_learning_rate, options.learning_rate)
    return low + (options.learning_rate - low) * (1 + math.cos(math.pi * min(1.0, done))) / 2


# Functions from `TrainingConfig`, the number of the step, from 0, and of all steps to its learning rate.
SCHEDULES = {"plateau": warmup, "constant": warmup, "cosine": cosine}


class LearningRate(tf.keras.callbacks.Callback):
    """Sets the learning rate of each step.

    It depends on nothing but the number of the step, so that a resumed run continues with it. The rate is a variable
    of the optimizer as without a schedule, and checkpoints have the same form with every schedule.

    Args:
        options: `TrainingConfig`.
        state: `TrainingState`.
        steps: int, steps per epoch.

    Example:
        >>> from aac_tf.config import load_config
        >>> from aac_tf.training.schedule import LearningRate
        >>> overrides = ["training.schedule=cosine", "training.warmup_steps=2", "training.epochs=2"]
        >>> options = load_config(None, [*overrides, "training.learning_rate=0.1"]).training
        >>> rate = LearningRate(options, state=None, steps=3)
        >>> [round(rate.at(step), 3) for step in range(6)]
        [0.05, 0.1, 0.1, 0.085, 0.05, 0.015]
    """

    def __init__(self, options, state, steps):
        super().__init__()
        self._options = options
        self._state = state
        self._steps = steps
        self._first = 0
        # Otherwise Keras fetches the loss of every step for this callback, and the device waits for it.
        self._supports_tf_logs = True

    def at(self, step):
        """Returns the learning rate of a step, counted from 0 over all epochs; None leaves it as it is."""
        return SCHEDULES[self._options.schedule](self._options, step, self._options.epochs * self._steps)

    def on_epoch_begin(self, epoch, logs=None):
        """Reads at which step of the epoch a resumed run starts."""
        self._first = epoch * self._steps + int(self._state.step)

    def on_train_batch_begin(self, batch, logs=None):
        """Sets the learning rate of the step."""
        rate = self.at(self._first + batch)
        if rate is not None:
            self.model.optimizer.learning_rate.assign(rate)

    def describe_resumed(self, before):
        """Says that the rate jumps when a run is resumed with another number of epochs; None if it does not.

        Args:
            before: float, learning rate of the last step before the interruption.
        """
        next_step = int(self._state.epoch) * self._steps + int(self._state.step)
        if next_step == 0:
            return None
        expected, rate = self.at(next_step - 1), self.at(next_step)
        if expected is None or rate is None or math.isclose(expected, before, rel_tol=1e-4):
            return None
        return (
            f"learning rate: {rate:.3g} from here on, {before:.3g} before: training.schedule={self._options.schedule} "
            f"with training.epochs={self._options.epochs}"
        )
