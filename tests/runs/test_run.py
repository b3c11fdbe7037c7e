"""Run folders."""

import contextlib
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.config import ConfigError, load_config
from aac_tf.runs.card import read_card
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
    config = run.config(["decoding.beam_size=2"])
    assert config.decoder.kind == "fixed_vector"
    assert run.normalization() is None
    run.last.mkdir(parents=True)
    tf.train.Checkpoint(step=tf.Variable(1)).save(str(run.last / "ckpt"))
    check_folder(run.config(), run, resume=True)


def test_messages_name_a_remote_run_rather_than_its_copy(run):
    assert run.folder.is_dir()
    run.name = "s3://bucket/run"
    (run.folder / "card.json").write_text('{"clips": "many"}')
    with pytest.raises(RunError, match=r"s3://bucket/run/card\.json is damaged"):
        read_card(run)
    run.best.mkdir(parents=True)
    (run.best / "ckpt-1.index").touch()
    with pytest.raises(RunError, match="s3://bucket/run/checkpoints/last is empty"):
        check_folder(run.config(), run, resume=True)


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


@pytest.fixture
def normalized(tmp_path):
    run = Run(tmp_path / "normalized")
    words = WordTokenizer.from_captions(["a dog barks"], min_count=1)
    run.create(load_config(None, ["audio.normalize=true"]), words, (np.zeros(64), np.ones(64)))
    return run


def test_a_normalization_that_does_not_fit_the_run_is_an_error(run, normalized):
    mean, variance = normalized.normalization(64)
    assert mean.shape == variance.shape == (64,)
    path = normalized.folder / normalized.NORMALIZATION
    good = json.loads(path.read_text())
    assert normalized.normalization() is not None
    shutil.copy(path, run.folder)
    with pytest.raises(RunError, match=r"normalization\.json belongs to another run"):
        run.normalization()
    bad = {
        "belongs to another run": {**good, "vocabulary": "0"},
        "expected 64 means": {**good, "mean": good["mean"][:40]},
        "no lists of numbers": {"mean": "?", "variance": None},
        "must be finite": {**good, "mean": [float("nan")] * 64},
        "above 0": {**good, "variance": [0.0] * 64},
        "expected a JSON object": [1, 2],
    }
    for message, content in bad.items():
        path.write_text(json.dumps(content))
        with pytest.raises(RunError, match=message):
            normalized.normalization(64)
    path.write_text("{")
    with pytest.raises(RunError, match=r"normalization\.json is damaged"):
        normalized.normalization(64)
    del good["vocabulary"]  # as in runs of earlier versions
    path.write_text(json.dumps(good))
    assert normalized.normalization(64) is not None
    path.unlink()
    with pytest.raises(RunError, match="is missing"):
        normalized.normalization(64)


def test_a_normalization_that_is_not_finite_is_not_written(tmp_path):
    words = WordTokenizer.from_captions(["a dog barks"], min_count=1)
    config = load_config(None, ["audio.normalize=true"])
    with pytest.raises(RunError, match="not finite"):
        Run(tmp_path / "run").create(config, words, (np.full(64, np.nan), np.ones(64)))


@pytest.mark.parametrize("name", ["data.json", "frozen_network.json", "vocabulary.txt"])
@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff\xfe", b"{", b"[" * 100000], ids=range(5))
def test_damaged_files_are_errors_that_name_them(run, name, content):
    (run.folder / name).write_bytes(content)
    read = {
        "data.json": run.data,
        "frozen_network.json": lambda: run.check_network([1.0]),
        "vocabulary.txt": lambda: run.tokenizer(run.config()),
    }
    with pytest.raises(RunError, match=name):
        read[name]()


@pytest.mark.parametrize("kind", ["yamnet", "ast"])
def test_a_run_cannot_name_weights_to_download(tmp_path, kind, monkeypatch):
    monkeypatch.delenv("AAC_TF_YAMNET", raising=False)
    monkeypatch.delenv("AAC_TF_AST", raising=False)
    run, words = Run(tmp_path / "run"), WordTokenizer.from_captions(["a dog barks"], min_count=1)
    url = "https://example.com/weights"
    run.create(load_config(None, [f"embedding.kind={kind}", f"embedding.source={url}"]), words, None)
    for load in (run.config, run.started_with):
        with pytest.raises(RunError, match=r"if you trust it, pass embedding\.source=https://example"):
            load()
        assert load([f"embedding.source={url}"]).embedding.source == url
    monkeypatch.setenv(f"AAC_TF_{kind.upper()}", str(tmp_path))  # replaces the source
    assert run.config().embedding.source == url


def test_a_cut_checkpoint_is_an_error_that_names_it(run):
    model = tf.keras.Sequential([tf.keras.layers.Dense(300, input_shape=[300])])
    run.best.mkdir(parents=True)
    path = tf.train.Checkpoint(model=model).save(str(run.best / "ckpt"))
    run.restore_best(model)
    data = pathlib.Path(f"{path}.data-00000-of-00001")
    content = data.read_bytes()
    for kept in (len(content) // 2, 10, 0):
        data.write_bytes(content[:kept])
        with pytest.raises(RunError, match="ckpt-1"):
            run.restore_best(model)
    data.unlink()
    with pytest.raises(RunError, match="ckpt-1"):
        run.restore_best(model)


def test_numbers_in_the_config_of_a_run_must_be_finite(run):
    path = run.folder / run.CONFIG
    text = path.read_text()
    for change in (("dropout: ", "dropout: .nan #"), ("paper: {}", "paper:\n  bleu_1: .nan")):
        path.write_text(text.replace(*change, 1))
        assert path.read_text() != text
        with pytest.raises(ConfigError, match="must be finite"):
            run.config()


def test_a_lock_leaves_no_folders_if_nothing_was_written(tmp_path):
    run = Run(tmp_path / "new" / "run")
    with run.locked():
        assert run.folder.is_dir()
    assert not any(tmp_path.iterdir())
    with run.locked():
        run.write_text("config.yaml", "")
    assert (run.folder / "config.yaml").is_file()
