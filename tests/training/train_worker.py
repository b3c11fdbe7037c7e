"""Trains in a process of its own: `train_worker.py RUN OUT.npz DEVICES [key=value ...]`; resumes if RUN is a run.

Writes the loss of every step and the last weights to OUT.npz; for more than one epoch, it also appends the running mean
of the losses to OUT.npz.losses after every step. Devices and clusters can be set up only once per process.
"""

import os
import sys

# isort: off
import aac_tf  # noqa: F401 - before TensorFlow

# isort: on
import numpy as np
import tensorflow as tf

from aac_tf.config import load_config
from aac_tf.runs.run import Run
from aac_tf.training.trainer import train


class Losses(tf.keras.callbacks.Callback):
    """Records the loss of every step, and how often the training step was traced."""

    def __init__(self, path, each):
        super().__init__()
        # With several workers, all would have to read and reset metrics together.
        self._alone, self._each = "TF_CONFIG" not in os.environ, each
        self._file = open(path, "a", buffering=1)  # noqa: SIM115 - open as long as the process
        self.rows, self.traced = [], []

    def on_epoch_begin(self, epoch, logs=None):
        """Stores the number of the epoch."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        """Resets Keras' running mean, which is then the loss of this step."""
        if self._each and self._alone:
            self.model.reset_metrics()

    def on_train_batch_end(self, batch, logs=None):
        """Records the loss."""
        step = int(self.model.optimizer.iterations.numpy())
        self.rows.append((step, logs["loss"]))
        if not self._each and self._alone:
            # `logs` lacks the losses of before the interruption, which a resumed run adds to the metric.
            (mean,) = (metric for metric in self.model.metrics if metric.name == "loss")
            self._file.write(f"{self._epoch} {step} {mean.result().numpy().tobytes().hex()}\n")

    def on_epoch_end(self, epoch, logs=None):
        """Records the number of traces."""
        self.traced.append(self.model.train_function.experimental_get_tracing_count())


def main():
    """Trains as the command line says."""
    folder, out, devices, *overrides = sys.argv[1:]
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * int(devices)
    )
    run, losses = Run(folder), Losses(f"{out}.losses", each="training.epochs=1" in overrides)
    rows = train(load_config(None, overrides), run, resume=run.exists, callbacks=[losses])
    weights = {weight.name: weight.numpy() for weight in losses.model.trainable_weights} if losses.rows else {}
    np.savez(
        out,
        losses=np.array([loss for _, loss in losses.rows]),
        traced=np.array(losses.traced),
        bleu=np.array([float(row["val_bleu"]) for row in rows]),
        **weights,
    )


if __name__ == "__main__":
    main()
