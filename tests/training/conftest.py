"""A small experiment that several tests train."""

import pytest

from aac_tf.build import make_scenes
from aac_tf.config import load_config


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Overrides of the experiment; its scenes are there."""
    overrides = [
        "data.source=scenes",
        f"data.root={tmp_path_factory.mktemp('corpus') / 'scenes'}",
        "scenes.train=16",
        "scenes.validation=3",
        "scenes.test=1",
        "scenes.min_seconds=2",
        "scenes.max_seconds=3",
        "audio.sample_rate=16000",
        "vocabulary.min_count=1",
        "specaugment.max_frames=10",
        "specaugment.max_bins=8",
        "encoder.units=8",
        "encoder.subsampling=4",
        "decoder.units=8",
        "decoder.embedding=8",
        "decoder.attention_units=8",
        "training.learning_rate=1e-2",
    ]
    make_scenes(load_config(None, overrides))
    return overrides
