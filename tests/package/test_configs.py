"""The configs that are installed with the package."""

import pathlib

import pytest

from aac_tf.config import ConfigError, load_config
from aac_tf.config.packaged import FOLDER, config_names, find_config


@pytest.mark.parametrize("name", ["demo", "configs/demo.yaml", pathlib.Path("configs/demo.yaml")])
def test_names_find_packaged_configs_from_any_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == FOLDER / "demo.yaml"
    assert load_config(name).name == "demo"


def test_a_file_of_that_path_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "demo.yaml").write_text("name: mine\n")
    assert load_config("configs/demo.yaml").name == "mine"
    assert load_config("demo").name == "demo"


@pytest.mark.parametrize("name", ["dmeo", "other/demo.yaml", "demo.yml"])
def test_unknown_names_list_the_packaged_configs(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error:
        load_config(name)
    assert name in str(error.value)
    assert ", ".join(config_names()) in str(error.value)


def test_folders_are_no_configs(tmp_path):
    with pytest.raises(ConfigError, match="it is a folder"):
        load_config(tmp_path)
