"""Run folders."""

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


def test_keys_that_training_does_not_settle_can_change(run):
    config = run.config(["decoding.beam_size=5", "data.root=elsewhere", "encoder.units=8"])
    assert (config.decoding.beam_size, config.data.root) == (5, "elsewhere")


@pytest.mark.parametrize("override", ["encoder.units=16", "vocabulary.min_count=3", "audio.sample_rate=8000"])
def test_keys_that_training_settles_cannot_change(run, override):
    with pytest.raises(ConfigError, match=r"trained with .*; keys that can: .*data\.\*, .*decoding\.\*"):
        run.config([override])


def test_keys_that_earlier_versions_ignored_do_not_stop_a_run(run):
    config = (run.folder / "config.yaml").read_text().replace("kind: attention", "kind: fixed_vector")
    (run.folder / "config.yaml").write_text(config.replace("embedding: 256", "embedding: 64"))
    assert run.config(["decoding.beam_size=2"]).decoder.kind == "fixed_vector"


def test_another_frozen_network_is_rejected(tmp_path):
    run, words = Run(tmp_path / "run"), WordTokenizer.from_captions(["a dog barks"], min_count=1)
    network = [1.0, -2.0, 0.5]
    run.create(load_config(None), words, None, network=network)
    run.check_network([1.01, -2.0, 0.49])  # on other hardware, or in half precision
    others = {22: [1.0, -1.5, 0.5], 100: [0.0, 0.0, 0.0], 200: [-1.0, 2.0, -0.5]}
    for percent, other in (*others.items(), (200, [1.0, -2.0]), (200, [np.nan, 0.0, 0.0])):
        with pytest.raises(RunError, match=rf"another frozen network.* differ by {percent} %.*embedding\.source"):
            run.check_network(other)
    (run.folder / run.NETWORK).unlink()  # as in runs of earlier versions
    run.check_network([9.0])


@pytest.mark.parametrize("name", ["lr[1e-3]", "what?", "all*"])
def test_names_that_are_glob_patterns_are_rejected(tmp_path, name):
    with pytest.raises(RunError, match="must not contain"):
        Run(tmp_path / name)


def test_trained_weights_are_not_overwritten(run):
    run.best.mkdir(parents=True)
    (run.best / "ckpt-3.index").touch()
    with pytest.raises(RunError, match="already holds a run"):
        check_folder(run.config(), run, resume=False)
    with pytest.raises(RunError, match="cannot be resumed"):
        check_folder(run.config(), run, resume=True)


def test_written_files_have_the_default_permissions(run):
    run.write_text("history.csv", "epoch\n")
    mode = (run.folder / "history.csv").stat().st_mode
    assert mode == (run.folder / "config.yaml").stat().st_mode


def test_an_interrupted_write_keeps_the_previous_file(tmp_path):
    (tmp_path / "a.txt").write_text("before")
    with contextlib.suppress(KeyError), atomic_write(tmp_path / "a.txt") as unfinished:
        unfinished.write_text("half")
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "before"
