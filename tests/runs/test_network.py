"""A run finds the weights of its frozen encoder again."""

import json
import os
import shutil

import numpy as np
import pytest
from small_runs import SMALL_AST, write_run

from aac_tf import Captioner
from aac_tf.build import build_frozen_encoder
from aac_tf.config import load_config
from aac_tf.embeddings import EmbeddingError
from aac_tf.export.published import publish_run
from aac_tf.runs import Run
from aac_tf.runs.network import network_origin

SOUND = np.random.default_rng(0).normal(0, 0.1, 16000).astype("f4")


@pytest.fixture
def weights(tmp_path):
    return shutil.copytree(SMALL_AST, tmp_path / "weights")


@pytest.fixture
def run(tmp_path, weights, monkeypatch):
    """A run that was trained with the weights that an environment variable named, in a shell without the variable."""
    monkeypatch.setenv("AAC_TF_AST", str(weights))
    run = Run(write_run(tmp_path / "run", ["embedding.kind=ast"]))
    monkeypatch.delenv("AAC_TF_AST")
    monkeypatch.setattr("aac_tf.embeddings.ast.source.NAME", str(tmp_path / "hub"))  # which has no weights
    return run


def test_the_weights_are_where_they_were(run, weights, monkeypatch):
    assert network_origin(run, run.config()) == {"source": str(weights)}
    assert Captioner.load(run.folder).caption(SOUND)[0].text
    # What the user says now comes first.
    assert network_origin(run, run.config([f"embedding.source={SMALL_AST}"])) == {}
    monkeypatch.setenv("AAC_TF_AST", str(SMALL_AST))
    assert network_origin(run, run.config()) == {}


def test_weights_that_are_gone_are_named(run, weights):
    weights.rename(weights.with_name("moved"))
    with pytest.raises(EmbeddingError, match=rf"cannot load AST from .*hub.*AAC_TF_AST.*trained with {weights}"):
        Captioner.load(run.folder)


def test_the_place_is_not_published(run, tmp_path):
    folder = publish_run(run.folder, tmp_path / "published")
    stored = json.loads((folder / "frozen_network.json").read_text())
    assert stored == {"fingerprint": run.network()["fingerprint"]}


def test_a_run_cannot_name_other_weights_to_download(run):
    network = {**run.network(), "source": "https://example.com/ast"}
    (run.folder / run.NETWORK).write_text(json.dumps(network))
    with pytest.raises(EmbeddingError, match=r"cannot load AST from .*hub"):
        Captioner.load(run.folder)


@pytest.mark.real_data
def test_yamnet_is_found_in_the_cache(real_data, tmp_path, monkeypatch):
    weights = shutil.copy(real_data / "yamnet" / "yamnet_bn_folded.npz", tmp_path)
    monkeypatch.setenv("AAC_TF_YAMNET", weights)
    config = load_config(None, ["embedding.kind=yamnet"])
    origin = build_frozen_encoder(config).origin
    assert origin["source"] == weights
    monkeypatch.delenv("AAC_TF_YAMNET")
    os.unlink(weights)
    monkeypatch.setattr("aac_tf.embeddings.yamnet.source.hub.resolve", None)  # there is no network
    assert build_frozen_encoder(config, origin).origin["checksum"] == origin["checksum"]
