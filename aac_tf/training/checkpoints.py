"""The state that a resumed run needs, and the callback that saves it."""

import time

import numpy as np
import tensorflow as tf

from aac_tf.training.errors import TrainingError
from aac_tf.utils.counting import counted


class TrainingState(tf.Module):
    """The state of a run besides weights and optimizer, as variables for its checkpoints.

    Args:
        higher_is_better: bool, whether the best score is the highest.

    Attributes:
        epoch: int64, number of completed epochs.
        step: int64, number of completed steps of the next epoch.
        loss: float32 `[2]`, total and count of the metric of the training loss after these steps.
        best: float64, best value of the monitored score so far.
        since_best: int64, epochs since then.
        since_change: int64, epochs since then or since the learning rate was last reduced.
    """

    def __init__(self, higher_is_better):
        super().__init__()
        worst = float("-inf") if higher_is_better else float("inf")
        self.epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.loss = tf.Variable([0.0, 0.0], dtype=tf.float32, trainable=False)
        self.best = tf.Variable(worst, dtype=tf.float64, trainable=False)
        self.since_best = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.since_change = tf.Variable(0, dtype=tf.int64, trainable=False)


def read_progress(run):
    """Reads the state of a run without building its model.

    Args:
        run: `Run` with a checkpoint to resume from.

    Returns:
        dict of int: `epoch`, `step` and `since_best` of its `TrainingState`; zeros if there is no checkpoint.
    """
    names = ("epoch", "step", "since_best")
    path = tf.train.latest_checkpoint(str(run.last))
    if path is None:
        return dict.fromkeys(names, 0)
    reader = tf.train.load_checkpoint(path)
    return {name: int(reader.get_tensor(f"state/{name}/.ATTRIBUTES/VARIABLE_VALUE")) for name in names}


class LastCheckpoint(tf.keras.callbacks.Callback):
    """Saves what `--resume` needs: at the end of each epoch, at intervals within it, and when training is interrupted.

    It also saves before the last step of each epoch, so that a run that is killed during validation repeats only that
    step and the validation.

    Args:
        state: `TrainingState`.
        last: `tf.train.CheckpointManager` of weights, optimizer and state.
        steps: int, steps per epoch.
        minutes: float, minutes between checkpoints within an epoch; None saves only at its end.
        interruption: `Interruption`; None if signals are not handled.
        saved: optional function without arguments that is called after each save, such as `Run.upload`.
    """

    def __init__(self, state, last, steps, minutes=None, interruption=None, saved=None):
        super().__init__()
        self._state = state
        self._last = last
        self._steps = steps
        self._seconds = float("inf") if minutes is None else 60 * minutes
        self._interruption = interruption
        self._saved = saved
        self._first_step = 0
        # Otherwise Keras fetches the loss of every step for this callback, and the device waits for it.
        self._supports_tf_logs = True

    def on_train_begin(self, logs=None):
        """Records the start time."""
        self._saved_at = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        """Reads at which step of the epoch a resumed run starts."""
        self._first_step = int(self._state.step)

    def on_train_batch_end(self, batch, logs=None):
        """Saves if a checkpoint is due."""
        interruption, step = self._interruption, self._first_step + batch + 1
        if batch == 0 and self._first_step:
            total, weight = _loss_sums(self.model)
            before = self._state.loss.numpy()
            total.assign(total.numpy() + before[0])
            weight.assign(weight.numpy() + before[1])
        overdue = time.monotonic() - self._saved_at > self._seconds
        stopping = interruption is not None and interruption.pending
        if step == self._steps - 1 or (step < self._steps and (overdue or stopping)):
            self._save(self._state.epoch, step)
        if interruption is not None:
            interruption.check()
            interruption.hold = True

    def on_test_begin(self, logs=None):
        """Lets signals interrupt the validation at once, as there is nothing to save during it."""
        if self._interruption is not None:
            self._interruption.hold = False
            self._interruption.check()

    def on_epoch_end(self, epoch, logs=None):
        """Saves the completed epoch."""
        if self._interruption is not None:
            self._interruption.hold = True
        self._save(epoch + 1, 0)
        if self._interruption is not None:
            self._interruption.check()

    def _save(self, epoch, step):
        self._state.epoch.assign(epoch)
        self._state.step.assign(step)
        if step:
            self._state.loss.assign([value.numpy() for value in _loss_sums(self.model)])
            if not np.isfinite(self._state.loss.numpy()[0]):
                return  # `History` reports it at the end of the epoch
        save_checkpoint(self._last, int(epoch) * self._steps + step)
        if self._saved is not None:
            self._saved()
        self._saved_at = time.monotonic()
        if self._interruption is not None:
            where = f"epoch {int(epoch)}" + (f" and {counted(step, 'step')}" if step else "")
            self._interruption.saved = f"saved after {where}: continue with --resume"


def save_checkpoint(manager, number):
    """Saves a checkpoint.

    Args:
        manager: `tf.train.CheckpointManager`.
        number: int, number of the checkpoint.

    Raises:
        TrainingError: if it cannot be written; the previous checkpoint is kept.
    """
    try:
        manager.save(checkpoint_number=number)
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError):
        raise  # errors of other workers, not of the disk
    except (OSError, tf.errors.OpError) as error:
        for unfinished in tf.io.gfile.glob(f"{manager.directory}/*_temp"):
            tf.io.gfile.rmtree(unfinished)
        reason = " ".join(str(getattr(error, "message", error)).split())
        raise TrainingError(
            f"cannot write a checkpoint to {manager.directory}: {reason[:300]}; the previous checkpoint is intact: "
            "free some disk space and continue with --resume"
        ) from error


def _loss_sums(model):
    """Total and count of the metric of the training loss: Keras' own, or that of `Microbatches`."""
    if model.microbatches is not None:
        return model.microbatches.loss.total, model.microbatches.loss.count
    (metric,) = (metric for metric in model.metrics if metric.name == "loss")
    return metric.total, metric.count
