"""A small experiment that several test modules train."""

import pathlib

import pytest

from aac_tf.config import load_config
from aac_tf.data.preparation import prepare_dataset


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Overrides of the experiment, whose scenes are composed."""
    root = tmp_path_factory.mktemp("corpus") / "scenes"
    overrides = [*pathlib.Path(__file__).with_name("small.txt").read_text().split(), f"data.root={root}"]
    prepare_dataset(load_config(None, overrides))
    return overrides
