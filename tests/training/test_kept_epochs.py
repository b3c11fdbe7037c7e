"""The weights of several epochs of a run, and their average."""

import types

import pytest
import tensorflow as tf

from aac_tf.config.schema import TrainingConfig
from aac_tf.runs import Run
from aac_tf.runs.weights import read_checkpoint
from aac_tf.training.kept_epochs import KeptEpochs


@pytest.mark.parametrize(("monitor", "kept"), [("val_loss", [1, 3, 5, 6]), ("val_bleu", [2, 4, 5, 6])])
def test_the_best_and_the_last_epochs_are_kept(monitor, kept, tmp_path):
    model = types.SimpleNamespace(encoder=tf.Module(), decoder=tf.Module())
    model.encoder.weight = tf.Variable(0.0)
    history, run = types.SimpleNamespace(rows=[]), Run(tmp_path)
    for epoch, value in enumerate(["0.3", "0.8", "0.1", "0.7", 0.5, 0.5]):
        history.rows.append({"epoch": epoch + 1, monitor: value})
        model.encoder.weight.assign(epoch + 1.0)
        # A resumed run continues with another object and the rows of the file, which are text.
        KeptEpochs(run, model, history, TrainingConfig(monitor=monitor, keep_epochs=2)).on_epoch_end(epoch)
    saved = {int(path.stem.split("-")[1]): path.with_suffix("") for path in run.epochs.glob("*.index")}
    assert sorted(saved) == kept
    for epoch, path in saved.items():
        assert read_checkpoint(str(path)) == {"encoder/weight": epoch}
