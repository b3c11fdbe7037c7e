"""The weights of several epochs of a run, and their average."""

import re

import tensorflow as tf

from aac_tf.runs import RunError
from aac_tf.runs.fetch import open_run
from aac_tf.training.callbacks import read_history
from aac_tf.training.changed_run import mean_weights, write_changed_run
from aac_tf.training.checkpoints import save_checkpoint
from aac_tf.training.monitors import find_monitor
from aac_tf.utils.files import check_new_folder, local_path


class KeptEpochs(tf.keras.callbacks.Callback):
    """Keeps the weights of the best and of the last epochs, for `average_epochs`.

    Args:
        run: `Run`.
        model: `CaptioningModel`.
        history: `History`, which comes before this callback.
        training: `TrainingConfig`: `monitor` and `monitor_decimals` say which epochs are the best, and `keep_epochs`
            how many of them, and of the last ones, are kept.
    """

    def __init__(self, run, model, history, training):
        super().__init__()
        self._folder, self._history, self._training = run.epochs, history, training
        # Without the optimizer, which a compiled model has in its checkpoints.
        parts = tf.train.Checkpoint(encoder=model.encoder, decoder=model.decoder)
        checkpoint = tf.train.Checkpoint(model=parts)
        self._manager = tf.train.CheckpointManager(checkpoint, str(self._folder), None, checkpoint_name="epoch")

    def on_epoch_end(self, epoch, logs=None):
        """Saves the epoch, and deletes those that are neither among the best nor among the last."""
        save_checkpoint(self._manager, epoch + 1)
        rows, count = self._history.rows, self._training.keep_epochs
        kept = {*_best(rows, self._training)[:count], *_last(rows)[:count]}
        for number, path in _saved(self._folder).items():
            if number not in kept:
                for file in path.parent.glob(f"{path.name}.*"):
                    file.unlink()


def average_epochs(run, output, best=None, last=None):
    """Writes a run with the average of the weights of several epochs of another run.

    Args:
        run: path or URL of the run folder, which was trained with `training.keep_epochs`.
        output: path of the run folder to write, which must not exist or be empty. It can be used, evaluated and
            published like any run, but not resumed.
        best: int, number of epochs to average, the best by `training.monitor`.
        last: int, number of epochs to average instead, the last ones. Without both, the best are averaged, as many as
            are kept.

    Returns:
        list of int, the numbers of the epochs, from 1.

    Raises:
        RunError: if the run does not have the weights of so many epochs, or they are damaged.
        FileExistsError: if the output holds files.
        WriteError: if the disk is full.

    Reference:
        P. Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization, UAI 2018.
    """
    run, output = open_run(run), local_path(output)
    check_new_folder(output)
    epochs = choose_epochs(run, best, last)
    saved = _saved(run.epochs)
    values = mean_weights([saved[epoch] for epoch in epochs])  # before anything is written, as it can fail
    write_changed_run(run, output, values)
    return epochs


def choose_epochs(run, best=None, last=None):
    """Returns the numbers of the epochs that `average_epochs` averages; see there for arguments and errors."""
    config = run.stored_config()
    rows = read_history(run)
    kept = min(config.training.keep_epochs, len(rows))
    count = next((number for number in (last, best) if number is not None), kept)
    if not 1 <= count <= kept:
        found = (
            f"the weights of its {kept} best and {kept} last epochs, not {count}" if kept else "no weights of epochs"
        )
        raise RunError(f"{run.name} has {found}: train with training.keep_epochs=5 to keep those of 5")
    order = _best(rows, config.training) if last is None else _last(rows)
    epochs = sorted(order[:count])
    missing = [epoch for epoch in epochs if epoch not in _saved(run.epochs)]
    if missing:
        raise RunError(f"{run.name} is incomplete: {run.epochs} has no weights of epoch {missing[0]}")
    return epochs


def _best(rows, training):
    """Numbers of the epochs of a history, the best first."""
    return [int(row["epoch"]) for row in find_monitor(training.monitor).best_first(rows, training.monitor_decimals)]


def _last(rows):
    return [int(row["epoch"]) for row in rows][::-1]


def _saved(folder):
    """{epoch: path of its checkpoint}."""
    found = {re.fullmatch(r"epoch-(\d+)\.index", path.name): path for path in folder.glob("epoch-*.index")}
    return {int(match[1]): path.with_suffix("") for match, path in found.items() if match}
