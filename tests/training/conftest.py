"""A small experiment that several tests train."""

import pathlib

import pytest

from aac_tf.build import make_scenes
from aac_tf.config import load_config


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Overrides of the experiment; its scenes are there."""
    root = tmp_path_factory.mktemp("corpus") / "scenes"
    overrides = [*pathlib.Path(__file__).with_name("small.txt").read_text().split(), f"data.root={root}"]
    make_scenes(load_config(None, overrides))
    return overrides
