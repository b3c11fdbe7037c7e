"""A run with the moving average of the weights, a metric as monitor, and the weights of several epochs."""

import csv
import json
import re
import shutil
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from training_helpers import Recorder, Scripted, moving_average

from aac_tf.build import build_model
from aac_tf.build_dataset import build_dataset
from aac_tf.cli import average, prior
from aac_tf.cli.train import _best_epoch
from aac_tf.config import Config, load_config
from aac_tf.evaluation import METRICS
from aac_tf.runs import Run, RunError
from aac_tf.training.kept_epochs import average_epochs
from aac_tf.training.trainer import train


class Trained(NamedTuple):
    """A trained run.

    Attributes:
        metric: the metric that was its monitor, whose lower values are better.
        averages: moving average of the weights at the end of each epoch, computed by hand.
        seen: the weights that a callback of the user saw.
    """

    run: Run
    config: Config
    metric: Scripted
    averages: list
    seen: Recorder


@pytest.fixture(scope="module", autouse=True)
def trained(small, tmp_path_factory):
    options = ["encoder.layers=1", "audio.hop_length=1024", "audio.normalize=true", "training.batch_size=16"]
    options += ["training.epochs=3", "training.ema=0.5", "training.keep_epochs=3", "training.samples=1"]
    config = load_config(None, [*small, *options, "training.monitor=val_scripted_errors"])
    metric = Scripted([0.0, 0.25, 0.75, 0.5])  # the first is the trial
    run, seen = Run(tmp_path_factory.mktemp("runs") / "run"), Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METRICS, "scripted", metric)
        train(config, run, callbacks=[seen])
        steps = len(seen.steps) // 3
        averages = [moving_average(seen.initial, seen.steps[: steps * epoch], 0.5) for epoch in (1, 2, 3)]
        yield Trained(run, config, metric, averages, seen)


def best_weights(run):
    model = build_model(run.config(), run.tokenizer(run.config()).vocabulary_size(), run.normalization())
    run.restore_best(model)
    return [weight.numpy() for weight in model.trainable_weights]


def assert_weights(found, *expected):
    """Checks that weights are the mean of others."""
    for weight, *values in zip(found, *expected, strict=True):
        np.testing.assert_allclose(weight, np.mean(values, axis=0), rtol=1e-4, atol=1e-6)


def test_the_best_checkpoint_is_that_of_the_monitor(trained):
    run, config, metric, *_ = trained
    assert tf.train.latest_checkpoint(str(run.best)).endswith("-1")
    rows = list(csv.DictReader((run.folder / "history.csv").open()))
    assert [row["val_scripted_errors"] for row in rows] == ["0.25", "0.75", "0.5"]
    assert [row["val_scripted_faults"] for row in rows] == ["0.5", "1.5", "1.0"]
    assert _best_epoch(config, rows) == {"epoch": 1, "monitor": "val_scripted_errors", "value": 0.25}
    captions, references = metric.seen[-1]
    assert [len(captions), len(references)] == [3, 3]
    assert all(text and text[0] for text in references)


def test_the_best_checkpoint_holds_the_moving_average(trained):
    assert_weights(best_weights(trained.run), trained.averages[0])


def test_callbacks_see_the_moving_average_and_training_goes_on_without_it(trained):
    seen, averages = trained.seen, trained.averages
    steps = len(seen.steps) // 3
    for epoch in range(3):
        assert_weights(seen.epochs[epoch], averages[epoch])
        if epoch:
            for start, end in zip(seen.starts[epoch], seen.steps[steps * epoch - 1], strict=True):
                np.testing.assert_array_equal(start, end)


def test_an_average_of_epochs_is_a_run(trained, tmp_path, capsys):
    run, averages = trained.run, trained.averages
    assert average.main([str(run.folder), "--output", str(tmp_path / "best"), "--best", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == [1, 3]
    assert average_epochs(run.folder, tmp_path / "last", last=2) == [2, 3]
    assert average_epochs(run.folder, tmp_path / "all") == [1, 2, 3]
    for name, epochs in (("best", [1, 3]), ("last", [2, 3]), ("all", [1, 2, 3])):
        assert_weights(best_weights(Run(tmp_path / name)), *(averages[epoch - 1] for epoch in epochs))
    with pytest.raises(RunError, match="cannot be resumed"):
        train(trained.config, Run(tmp_path / "all"), resume=True)


def test_words_become_as_frequent_as_in_other_captions(trained, tmp_path, capsys):
    run, wanted = trained.run, tmp_path / "wanted.txt"
    wanted.write_text("the rain falls\n" * 40)
    arguments = [str(run.folder), "--captions", str(wanted), "--output", str(tmp_path / "prior")]
    assert prior.main([*arguments, "--weight", "1.5"]) == 2
    assert "--weight must be at least 0 and at most 1, got 1.5" in capsys.readouterr().err
    assert prior.main([*arguments, "--weight", "0.5", "--json"]) == 0
    added = json.loads(capsys.readouterr().out)["added"]
    words = run.vocabulary()
    assert set(added) == set(words)
    changed = [
        (after, before)
        for after, before in zip(best_weights(Run(tmp_path / "prior")), best_weights(run), strict=True)
        if not np.array_equal(after, before)
    ]
    ((after, before),) = changed  # the bias of the classifier
    np.testing.assert_allclose(after - before, [added[word] for word in words], atol=1e-6)
    captions = " ".join(caption for clip in build_dataset(trained.config).clips("train") for caption in clip.captions)
    named = re.findall(r"[a-z']+", captions.lower())
    expected = 0.5 * np.log((1 / 3) / (named.count("rain") / len(named)))
    assert added["rain"] == pytest.approx(expected, abs=0.01)
    absent = [word for word in words if word in named and word not in ("the", "rain", "falls")]
    assert all(added[word] < -1 for word in absent)
    assert all(added[word] == 0 for word in words if word.startswith("<"))


def test_captions_count_as_often_as_an_epoch_takes_them(trained, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("aac_tf.training.word_prior.correct_prior", lambda *arguments: seen.extend(arguments[2]) or [])
    wanted, data = tmp_path / "wanted.txt", trained.config.data
    wanted.write_text("the rain falls\n")
    source = f"data.sources=[{{source: {data.source}, root: {data.root}, weight: 3}}]"
    arguments = [str(trained.run.folder), "--captions", str(wanted), "--output", str(tmp_path / "prior")]
    assert prior.main([*arguments, "data.root=null", source]) == 0
    captions = [caption for clip in build_dataset(trained.config).clips("train") for caption in clip.captions]
    assert sorted(seen) == sorted(3 * captions)


def test_epochs_that_are_not_kept_are_not_averaged(trained, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(trained.run.folder, folder)
    for count in (4, 0):
        with pytest.raises(RunError, match=rf"its 3 best and 3 last epochs, not {count}: train with"):
            average_epochs(folder, tmp_path / "more", last=count)
    with pytest.raises(RunError, match=r"has no weights of epochs: train with training\.keep_epochs=5"):
        average_epochs("everyday", tmp_path / "more")
    (folder / "checkpoints" / "epochs" / "epoch-2.index").unlink()
    with pytest.raises(RunError, match="no weights of epoch 2"):
        average_epochs(folder, tmp_path / "more", last=2)
    assert not (tmp_path / "more").exists()
