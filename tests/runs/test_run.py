"""The run folder."""

import contextlib

import numpy as np
import pytest

from aac_tf.config import ConfigError, load_config
from aac_tf.runs.resume import check_folder
from aac_tf.runs.run import Run, RunError
from aac_tf.text import WordTokenizer
from aac_tf.utils.atomic import atomic_write


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    config = load_config(None, ["encoder.units=8", "decoding.beam_size=3"])
    run.create(config, WordTokenizer.from_captions(["a dog barks"], min_count=1), None)
    return run


def test_what_training_left_open_can_be_changed(run):
    config = run.config(["decoding.beam_size=5", "data.root=elsewhere", "embedding.source=there", "encoder.units=8"])
    assert (config.decoding.beam_size, config.data.root, config.embedding.source) == (5, "elsewhere", "there")


@pytest.mark.parametrize("override", ["encoder.units=16", "vocabulary.min_count=3", "audio.sample_rate=8000"])
def test_what_training_settled_cannot(run, override):
    with pytest.raises(ConfigError, match=r"trained with .*; what can still be changed is data\.\*, decoding\.\*"):
        run.config([override])


def test_another_frozen_network_is_noticed(tmp_path):
    run, words = Run(tmp_path / "run"), WordTokenizer.from_captions(["a dog barks"], min_count=1)
    network = [1.0, -2.0, 0.5]
    run.create(load_config(None), words, None, network=network)
    run.check_network([1.01, -2.0, 0.49])  # of another processor, or in half precision
    others = {22: [1.0, -1.5, 0.5], 100: [0.0, 0.0, 0.0], 200: [-1.0, 2.0, -0.5]}
    for apart, other in (*others.items(), (200, [1.0, -2.0]), (200, [np.nan, 0.0, 0.0])):
        with pytest.raises(RunError, match=rf"another frozen network.* {apart} % off.*embedding\.source"):
            run.check_network(other)
    (run.folder / run.NETWORK).unlink()  # of a run from before it was written
    run.check_network([9.0])


@pytest.mark.parametrize("name", ["lr[1e-3]", "what?", "all*"])
def test_names_that_tensorflow_takes_for_patterns_are_refused(tmp_path, name):
    with pytest.raises(RunError, match="without"):
        Run(tmp_path / name)


def test_weights_are_not_trained_over(run):
    run.best.mkdir(parents=True)
    (run.best / "ckpt-3.index").touch()
    with pytest.raises(RunError, match="already holds a run"):
        check_folder(run.config(), run, resume=False)
    with pytest.raises(RunError, match="nothing to go on from"):
        check_folder(run.config(), run, resume=True)


def test_others_may_read_what_is_written(run):
    run.write_text("history.csv", "epoch\n")
    mode = (run.folder / "history.csv").stat().st_mode
    assert mode == (run.folder / "config.yaml").stat().st_mode


def test_a_file_that_is_not_finished_leaves_the_one_before(tmp_path):
    (tmp_path / "a.txt").write_text("before")
    with contextlib.suppress(KeyError), atomic_write(tmp_path / "a.txt") as unfinished:
        unfinished.write_text("half")
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "before"
