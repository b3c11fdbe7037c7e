"""A metric whose values a test chooses, and the moving average of weights, computed by hand."""

import tensorflow as tf

from aac_tf.evaluation import Metric, Score
from aac_tf.evaluation.errors import UndefinedError


class Scripted(Metric):
    """A metric of two scores that returns given values, one at each call."""

    name = "scripted"
    tokenized = False
    scores = ("scripted_errors", "scripted_faults")
    higher_is_better = False

    def __init__(self, values=(), reason=None):
        self.values, self.reason, self.seen = list(values), reason, []

    def score(self, predictions, references):
        if not self.values:
            raise UndefinedError("undefined for these")
        self.seen.append((predictions, references))
        value = self.values.pop(0)
        return {name: Score.mean([times * value] * len(predictions)) for name, times in zip(self.scores, (1, 2))}

    def unavailable(self):
        return self.reason


class Recorder(tf.keras.callbacks.Callback):
    """Records the weights after every step and at the start and end of every epoch."""

    def __init__(self):
        super().__init__()
        self.steps, self.starts, self.epochs = [], [], []

    def on_train_begin(self, logs=None):
        self.initial = self.values()

    def on_epoch_begin(self, epoch, logs=None):
        self.starts.append(self.values())

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(self.values())

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.values())

    def values(self):
        return [weight.numpy() for weight in self.model.trainable_weights]


def moving_average(initial, steps, decay):
    average = initial
    for step, weights in enumerate(steps):
        share = min(decay, (1 + step) / (10 + step))
        average = [share * old + (1 - share) * new for old, new in zip(average, weights)]
    return average
