"""Scores that select the best checkpoint."""

import pytest
from training_helpers import Scripted

from aac_tf.config import ConfigError, load_config
from aac_tf.evaluation import METRICS
from aac_tf.runs.run import Run
from aac_tf.training.monitors import find_monitor, monitors, score_validation
from aac_tf.training.trainer import train


@pytest.fixture
def options(small):
    return [*small, "encoder.layers=1", "audio.hop_length=1024", "training.batch_size=40", "training.samples=1"]


def test_every_score_of_every_metric_is_a_monitor(monkeypatch):
    monkeypatch.setitem(METRICS, "scripted", Scripted())
    assert {"loss", "val_loss", "val_bleu", "val_bleu_4", "val_cider", "val_spider"} <= set(monitors())
    assert find_monitor("val_scripted_faults") == ("val_scripted_faults", False, "scripted")
    assert find_monitor("val_scripted_errors") == ("val_scripted_errors", False, "scripted")
    for name, order in (("val_loss", [1, 3, 2]), ("val_rouge_l", [2, 3, 1])):
        rows = [{"epoch": epoch, name: value} for epoch, value in ((1, "0.1"), (2, "0.31"), (3, 0.3))]
        assert [row["epoch"] for row in find_monitor(name).best_first(rows)] == order
    # Equal after rounding: the earlier epoch comes first.
    assert [row["epoch"] for row in find_monitor("val_rouge_l").best_first(rows, decimals=1)] == [2, 3, 1]
    assert [row["epoch"] for row in find_monitor("val_rouge_l").best_first(rows[::-1], decimals=1)] == [3, 2, 1]
    with pytest.raises(ConfigError, match=r"training\.monitor takes .*val_cider.*, got `val_cidre`"):
        find_monitor("val_cidre")


def test_what_cannot_be_computed_is_refused_before_training(options, tmp_path, monkeypatch):
    run, config = Run(tmp_path / "run"), load_config(None, [*options, "training.monitor=val_scripted_errors"])
    for metric, reason in ((Scripted(reason="no luck here"), "no luck here"), (Scripted(), "undefined for these")):
        monkeypatch.setitem(METRICS, "scripted", metric)
        with pytest.raises(ConfigError, match=rf"training\.monitor=val_scripted_errors.* cannot be computed: {reason}"):
            train(config, run)
        assert not run.exists


def test_a_monitor_scores_like_evaluation():
    captions, references = ["a dog barks", "rain"], [["a dog barks loudly", "a dog"], ["rain falls on a roof"]]
    found = score_validation(find_monitor("val_bleu_4"), captions, references)
    assert list(found) == [f"val_bleu_{n}" for n in range(1, 5)]
    assert 0 < found["val_bleu_1"] < 1
    assert score_validation(find_monitor("val_loss"), captions, references) == {}
