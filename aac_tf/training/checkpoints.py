"""What a resumed run needs, and when it is saved."""

import time

import numpy as np
import tensorflow as tf

from aac_tf.training.errors import TrainingError


class TrainingState(tf.Module):
    """What a resumed run must know beside weights and optimizer; its variables live in the checkpoint.

    Attributes:
        epoch: epochs that have ended.
        step: steps of the next epoch that were taken.
        loss: float32 [2], sum of their losses as Keras' metric counts it, and its weight.
        best: best value of the monitored score so far.
        since_best: epochs since then.
        since_change: epochs since then, or since the step size was last reduced.
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


class LastCheckpoint(tf.keras.callbacks.Callback):
    """Saves all that `--resume` needs: at an epoch's end, now and then, and when training is told to stop.

    An epoch is also saved before its last step, so that what is killed while it validates does that step and the
    validation again.

    Args:
        state: `TrainingState`.
        last: `tf.train.CheckpointManager` of weights, optimizer and state.
        steps: int, steps of an epoch.
        minutes: float, an epoch is saved after so many; None: not now and then.
        interruption: `Interruption`; None where training ends at once.
    """

    def __init__(self, state, last, steps, minutes=None, interruption=None):
        super().__init__()
        self._state = state
        self._last = last
        self._steps = steps
        self._seconds = float("inf") if minutes is None else 60 * minutes
        self._interruption = interruption
        self._taken = 0
        # Keras would otherwise fetch every step's loss for this callback, and the device would wait for it.
        self._supports_tf_logs = True

    def on_train_begin(self, logs=None):
        """Starts the clock."""
        self._saved_at = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        """Remembers where in the epoch a resumed run begins."""
        self._taken = int(self._state.step)

    def on_train_batch_end(self, batch, logs=None):
        """Saves if it is time to."""
        interruption, step = self._interruption, self._taken + batch + 1
        if batch == 0 and self._taken:
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
        """Nothing to save while validation lasts: it may be stopped at once."""
        if self._interruption is not None:
            self._interruption.hold = False
            self._interruption.check()

    def on_epoch_end(self, epoch, logs=None):
        """Saves."""
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
                return  # `History` says so at the epoch's end
        save_checkpoint(self._last, int(epoch) * self._steps + step)
        self._saved_at = time.monotonic()
        if self._interruption is not None:
            where = f"epoch {int(epoch)}" + (f" and {step} steps" if step else "")
            self._interruption.saved = f"saved after {where}: go on with --resume"


def save_checkpoint(manager, number):
    """Saves through a `tf.train.CheckpointManager`.

    Raises:
        TrainingError: if it cannot be written; the checkpoint before is still there.
    """
    try:
        manager.save(checkpoint_number=number)
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError):
        raise  # not the disk, but another worker
    except (OSError, tf.errors.OpError) as error:
        for unfinished in tf.io.gfile.glob(f"{manager.directory}/*_temp"):
            tf.io.gfile.rmtree(unfinished)
        reason = " ".join(str(getattr(error, "message", error)).split())
        raise TrainingError(
            f"cannot write a checkpoint to {manager.directory}: {reason[:300]}; what was saved before is still there: "
            "make room and go on with --resume"
        ) from error


def _loss_sums(model):
    """Keras' running sum of an epoch's losses, and its weight."""
    (metric,) = (metric for metric in model.metrics if metric.name == "loss")
    return metric.total, metric.count
