"""The experiment config."""

import pathlib

import pytest

from aac_tf.config import Config, ConfigError, describe_keys, load_config, save_config

CONFIGS = sorted((pathlib.Path(__file__).parents[1] / "configs").glob("*.yaml"))


def test_file_then_overrides(tmp_path):
    (tmp_path / "x.yaml").write_text("training:\n  epochs: 7\n  batch_size: 3\n")
    config = load_config(tmp_path / "x.yaml", ["training.epochs=9", "data.root=/a b", "training.lr_patience=null"])
    assert (config.training.epochs, config.training.batch_size) == (9, 3)
    assert config.data.root == "/a b"
    assert config.training.lr_patience is None


def test_saved_config_reads_back_equal(tmp_path):
    config = load_config(None, ["training.learning_rate=1e-3", "data.bucket_seconds=[1,2.5]"])
    save_config(config, tmp_path / "x.yaml")
    assert load_config(tmp_path / "x.yaml") == config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=3", "did you mean `training.epochs`"),
        ("trainig.epochs=3", "unknown config key"),
        ("decoder.kind=transformer", "attention | fixed_vector"),
        ("training.batch_size=0", "at least 1"),
        ("training.epochs=many", "training.epochs"),
        ("training.epochs", "key=value"),
    ],
)
def test_mistakes_are_named(override, message):
    with pytest.raises(ConfigError) as error:
        load_config(None, [override])
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n"])
def test_files_that_are_no_config(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"x\.yaml"):
        load_config(tmp_path / "x.yaml")


def test_every_key_is_explained():
    assert all(about for _, _, about in describe_keys())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_load_and_say_how_to_run_them(path):
    config = load_config(path)
    assert isinstance(config, Config)
    assert config.name == path.stem
    assert path.read_text().startswith(f"# python train.py --config configs/{path.name}")
