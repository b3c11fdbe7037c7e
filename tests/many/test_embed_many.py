"""The command `aac-embed-many`."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("apache_beam", reason="needs the extra beam")

from aac_tf.build import build_frozen_encoder
from aac_tf.cli.embed_many import main
from aac_tf.config import load_config
from aac_tf.data.preparation import prepare_features, read_clips

SMALL_AST = pathlib.Path(__file__).parents[1] / "embeddings" / "fixtures" / "ast" / "audioset"


@pytest.fixture
def options(tmp_path):
    """Function from the name of a store's folder to a config file and overrides."""
    (tmp_path / "small.yaml").write_text("name: small\nvocabulary: {min_count: 1}\n")
    values = {
        "data.source": "scenes",
        "data.root": tmp_path / "scenes",
        "data.embedding_store": 1,
        "scenes.train": 5,
        "scenes.validation": 2,
        "scenes.test": 1,
        "scenes.min_seconds": 2,
        "scenes.max_seconds": 3,
        "embedding.kind": "ast",
        "embedding.source": SMALL_AST,
    }
    return lambda store: (
        str(tmp_path / "small.yaml"),
        [f"{key}={value}" for key, value in {**values, "data.embedding_folder": tmp_path / store}.items()],
    )


def rows(config):
    """All embeddings that training reads from the store."""
    clips = read_clips(config, "train")
    _, features = prepare_features(config, clips, build_frozen_encoder(config), augmented=True)
    found = features._rows
    return [found.load(tf.constant(row, tf.int64)).numpy() for row in range(len(found))]


def test_training_finds_the_embeddings_that_it_would_compute(options, tmp_path, capsys):
    path, values = options("beam")
    assert main(["--config", path, "--json", *values]) == 0
    assert json.loads(capsys.readouterr().out) == {"folder": str(tmp_path / "beam"), "rows": 12, "made": 12}
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "beam").iterdir()}
    by_beam = rows(load_config(path, values))
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "beam").iterdir()} == times
    alone = rows(load_config(*options("alone")))
    assert len(by_beam) == len(alone) == 10
    for row, expected in zip(by_beam, alone):
        np.testing.assert_allclose(row, expected, atol=1e-5)
    min(times).unlink()
    assert main(["--config", path, "--json", *values]) == 0
    assert 0 < json.loads(capsys.readouterr().out)["made"] < 12


def test_a_config_without_a_frozen_encoder_or_a_store_is_rejected(options, capsys):
    path, values = options("none")
    without_encoder = [value for value in values if not value.startswith("embedding.")]
    for overrides in (without_encoder, [*values, "data.embedding_store=off"]):
        assert main(["--config", path, *overrides]) == 2
        assert "nothing to store" in capsys.readouterr().err
