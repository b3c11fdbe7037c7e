import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import tarfile

import h5py
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from web import serve

from aac_tf.build import build_frozen_encoder
from aac_tf.cli import download as download_command
from aac_tf.config import load_config
from aac_tf.embeddings import EmbeddingError, YamnetEmbedder
from aac_tf.embeddings.sources import choose_source, is_remote
from aac_tf.embeddings.yamnet.network import kernel_shapes
from aac_tf.embeddings.yamnet.source import _checksum, _files, cached_network, find_weights, resolve_source
from aac_tf.embeddings.yamnet.weights import read_weights


def changed(path, folder, change):
    """A copy of an `.npz` with arrays added, replaced or, with None, left out."""
    with np.load(path) as arrays:
        arrays = {**arrays, **change}
    path = folder / "changed.npz"
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AAC_TF_CACHE", os.fspath(tmp_path / "cache"))
    return tmp_path / "cache" / "yamnet"


def test_every_published_format_has_the_same_weights(folded, save_h5, save_hub_model):
    expected = read_weights(folded)
    assert sum(value.size for value in expected.values()) == pytest.approx(3.7e6, rel=0.02)  # as published
    for path in (save_h5(folded), save_hub_model(folded)):
        found = read_weights(path)
        assert set(found) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5)


def test_names_of_keras_and_saved_models(tmp_path):
    layers, model = tf.keras.layers, tf.keras.Sequential([tf.keras.layers.Input([96, 64, 1])])
    for name, shape in kernel_shapes().items():
        if name == "classifier":
            model.add(layers.GlobalAveragePooling2D())
            model.add(layers.Dense(521))
            continue
        kind = [layers.DepthwiseConv2D] if name.endswith("depthwise_conv") else [layers.Conv2D, shape[-1]]
        model.add(kind[0](*kind[1:], shape[0], padding="same", use_bias=False, name=name))
        model.add(layers.BatchNormalization(scale=False, name=f"{name}/bn"))
    model.save_weights(tmp_path / "yamnet.h5")
    # The variables of a SavedModel are a checkpoint of the module that contains the Keras model.
    tf.train.Checkpoint(_yamnet=model).write(os.fspath(tmp_path / "hub" / "variables" / "variables"))
    (tmp_path / "hub" / "saved_model.pb").touch()
    found, expected = read_weights(tmp_path / "hub"), read_weights(tmp_path / "yamnet.h5")
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.real_data
def test_published_layers_agree_with_folded_ones(yamnet_data, tmp_path):
    first_layers = yamnet_data / "yamnet_256_unfused_layers1-6.h5"
    with pytest.raises(EmbeddingError, match=r"missing: layer7/depthwise_conv/bias, .* and \d+ more$"):
        read_weights(first_layers)
    with h5py.File(first_layers) as file:
        published = file["model_weights/model_2"]
        variables = {name: published[name][:] for name in published.attrs["weight_names"]}
    path = yamnet_data / "yamnet_bn_folded.npz"
    with np.load(path) as arrays:
        exact = {name: None for name in arrays.files if int(re.sub(r"\D", "", name) or 14) <= 6}
    found, expected = read_weights(changed(path, tmp_path, {**exact, **variables})), read_weights(path)
    assert len(exact) == 22
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"l5d/bias": None}, "missing: layer5/depthwise_conv/bias$"),
        ({"extra/thing": np.zeros(3)}, "unknown: extra/thing$"),
        ({"l15p/bias": np.zeros(3)}, "unknown: layer15/pointwise_conv/bias$"),
        ({"l3p/kernel": np.zeros([1, 1, 64, 64])}, r"layer3/pointwise_conv/kernel \[1, 1, 64, 64\] instead of"),
        ({"d/bias": np.full(521, np.nan)}, "not finite: classifier/bias$"),
        ({"d/bias": None, "l1/bias": np.zeros(5)}, r"missing: classifier/bias; wrong shape: layer1/conv/bias"),
    ],
)
def test_wrong_variables_are_listed(folded, tmp_path, change, message):
    with pytest.raises(EmbeddingError, match=message):
        read_weights(changed(folded, tmp_path, change))


def test_wrong_variables_of_the_published_format_are_listed(folded, save_h5):
    with pytest.raises(EmbeddingError, match=r"missing: layer4/pointwise_conv/moving_mean$"):
        read_weights(save_h5(folded, leave_out=["layer4/pointwise_conv/bn/moving_mean"]))
    with pytest.raises(EmbeddingError, match=r"not finite: layer4/pointwise_conv/moving_variance$"):
        read_weights(save_h5(folded, replace={"layer4/pointwise_conv/bn/moving_variance": np.full(128, -1.0)}))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
@pytest.mark.parametrize("form", ["npz", "h5"])
def test_truncated_files_are_errors(folded, save_h5, tmp_path, form, share):
    content = pathlib.Path(folded if form == "npz" else save_h5(folded)).read_bytes()
    path = tmp_path / f"cut.{form}"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(EmbeddingError, match=r"cut\.(npz|h5)"):
        YamnetEmbedder(path)


def test_a_flipped_bit_is_detected(folded, tmp_path):
    content = bytearray(folded.read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "flipped.npz"
    path.write_bytes(content)
    with pytest.raises(EmbeddingError, match="damaged"):
        YamnetEmbedder(path, self_test=False)


def test_other_files_and_folders_are_rejected(tmp_path):
    (tmp_path / "notes.txt").write_text("not a network")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmbeddingError, match=r"neither an \.npz nor an \.h5"):
        YamnetEmbedder(tmp_path / "notes.txt")
    with pytest.raises(EmbeddingError, match=r"no saved_model\.pb"):
        YamnetEmbedder(tmp_path / "empty")


def test_a_damaged_hub_model_is_rejected(folded, save_hub_model):
    folder = save_hub_model(folded)
    data = folder / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000000])
    with pytest.raises(EmbeddingError, match="damaged"):
        YamnetEmbedder(folder)


def test_other_weights_fail_the_self_test(folded, own_cache):
    with pytest.raises(EmbeddingError, match="not its weights"):
        YamnetEmbedder(folded)
    assert not list(own_cache.glob("*"))
    YamnetEmbedder(folded, self_test=False)  # adds it to the cache without the self-test
    with pytest.raises(EmbeddingError, match="not its weights"):
        YamnetEmbedder(folded)


@pytest.mark.real_data
@pytest.mark.parametrize(
    "damage",
    [
        {"l9p/kernel": lambda value: np.random.default_rng(0).permutation(value.ravel()).reshape(value.shape)},
        {"l14p/kernel": lambda value: 0 * value},
        {"l3d/bias": lambda value: 0 * value},
        {"d/kernel": lambda value: value[:, ::-1]},
    ],
    ids=["shuffled", "zeroed", "no bias", "classes reversed"],
)
def test_damaged_weights_fail_the_self_test(yamnet_data, tmp_path, damage):
    path = yamnet_data / "yamnet_bn_folded.npz"
    with np.load(path) as arrays:
        damaged = {name: change(arrays[name]) for name, change in damage.items()}
    with pytest.raises(EmbeddingError, match="damaged"):
        YamnetEmbedder(changed(path, tmp_path, damaged))


def test_the_cache_is_built_once_and_is_a_valid_source(folded, own_cache):
    first = cached_network(folded, self_test=False)
    made = pathlib.Path(first.folder, "saved_model.pb").stat()
    assert cached_network(folded, self_test=False) == first
    assert cached_network(first.folder, self_test=False) == first
    assert pathlib.Path(first.folder, "saved_model.pb").stat().st_mtime_ns == made.st_mtime_ns
    assert [path.name for path in own_cache.iterdir()] == [pathlib.Path(first.folder).name]


def test_a_damaged_cache_is_rebuilt(folded, own_cache, tmp_path):
    first = cached_network(folded, self_test=False)
    model = pathlib.Path(first.folder, "saved_model.pb")
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    copy = shutil.copytree(first.folder, tmp_path / "copy")
    with pytest.raises(EmbeddingError, match="copy is damaged"):
        YamnetEmbedder(copy, self_test=False)
    assert cached_network(folded, self_test=False) == first
    assert model.read_bytes() != content
    assert len(list(own_cache.iterdir())) == 1


def test_only_graphs_in_the_cache_are_executed(folded, own_cache, tmp_path, monkeypatch):
    first = pathlib.Path(cached_network(folded, self_test=False).folder)
    copy = shutil.copytree(first, tmp_path / "copy")
    monkeypatch.setattr(hub, "load", None)
    with pytest.raises(EmbeddingError, match=r"copy looks like a folder of the cache, but is not in .*cache/yamnet"):
        cached_network(copy, self_test=False)
    # In the cache, too, a graph has only the operations of the network.
    graph = SavedModel.FromString((first / "saved_model.pb").read_bytes())
    graph.meta_graphs[0].graph_def.node.add(name="evil", op="WriteFile")
    (first / "saved_model.pb").write_bytes(graph.SerializeToString())
    manifest = json.loads((first / "aac_tf_yamnet.json").read_text())
    manifest["files"] = _checksum(_files(first))
    (first / "aac_tf_yamnet.json").write_text(json.dumps(manifest))
    with pytest.raises(EmbeddingError, match="operations WriteFile"):
        cached_network(first, self_test=False)


def test_a_huge_variable_is_not_read(tmp_path):
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("huge", shape=[1 << 31], dtype="f4", chunks=(1 << 20,))  # takes no space
    with pytest.raises(EmbeddingError, match="huge has 8589934592 bytes"):
        read_weights(tmp_path / "huge.h5")


def test_other_remote_sources_are_recognized(tmp_path, monkeypatch):
    monkeypatch.delenv("AAC_TF_YAMNET", raising=False)
    monkeypatch.delenv("AAC_TF_AST", raising=False)
    published = {
        "yamnet": [None, "https://tfhub.dev/google/yamnet/1", "google/yamnet/tensorFlow2/yamnet/1", tmp_path],
        "ast": [None, "MIT/ast-finetuned-audioset-10-10-0.4593", "random", tmp_path],
    }
    for kind, sources in published.items():
        assert not any(is_remote(kind, source) for source in sources)
        for source in (
            "https://example.com/yamnet",
            "owner/model",
            "gs://bucket/yamnet",
            "https://tfhub.dev/google/x/1",
        ):
            assert is_remote(kind, source)
    for copy in ("https://example.com/mine", "~/missing.npz"):
        monkeypatch.setenv("AAC_TF_YAMNET", copy)
        assert not is_remote("yamnet", "https://example.com/other")  # the variable replaces it


def test_a_cache_that_is_not_writable(folded, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AAC_TF_CACHE", os.fspath(tmp_path / "file"))
    with pytest.raises(EmbeddingError, match="set AAC_TF_CACHE"):
        YamnetEmbedder(folded, self_test=False)


def test_checksum_depends_on_the_weights(embedder, folded, tmp_path):
    copy = shutil.copy(folded, tmp_path / "renamed.npz")
    assert YamnetEmbedder(copy, self_test=False).checksum == embedder.checksum
    other = changed(folded, tmp_path, {"d/bias": np.full(521, 0.5, "f4")})
    assert YamnetEmbedder(other, self_test=False).checksum != embedder.checksum


@pytest.mark.parametrize("source", ["https://unreachable.invalid/yamnet/1", "nowhere/yamnet.h5"])
def test_unreachable_sources_come_with_advice(source, monkeypatch):
    monkeypatch.delenv("AAC_TF_YAMNET", raising=False)  # it would take precedence
    with pytest.raises(EmbeddingError, match=r"(?s)no YAMNet.*aac-download yamnet.*embedding\.source.*AAC_TF_YAMNET"):
        YamnetEmbedder(source)


def test_source_from_the_environment(folded, monkeypatch):
    monkeypatch.setenv("AAC_TF_YAMNET", os.fspath(folded))
    assert resolve_source() == folded
    assert resolve_source(folded.parent) == folded.parent


def test_the_environment_replaces_a_missing_source(monkeypatch, tmp_path):
    here = tmp_path / "here"
    here.touch()
    assert choose_source(None, "A_COPY", "published") == "published"
    assert choose_source("/gone/yamnet.h5", "A_COPY", "published") == "/gone/yamnet.h5"
    monkeypatch.setenv("A_COPY", "~/copy")
    assert choose_source(here, "A_COPY", "published") == os.fspath(here)
    for source in (None, "/gone/yamnet.h5", "owner/model"):
        assert choose_source(source, "A_COPY", "published") == os.path.expanduser("~/copy")


@pytest.fixture
def web(own_cache, tmp_path, monkeypatch):
    """A server of weights that stands in for TF-Hub and for the weights' authors."""
    monkeypatch.delenv("AAC_TF_YAMNET", raising=False)
    monkeypatch.setenv("TFHUB_CACHE_DIR", os.fspath(tmp_path / "hub"))
    with serve() as web:
        monkeypatch.setattr("aac_tf.embeddings.yamnet.source.HANDLE", f"{web.address}/google/yamnet/1")
        yield web


def test_the_hub_comes_first(web, folded, save_hub_model, monkeypatch):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(save_hub_model(folded), ".")
    web.files["/google/yamnet/1"] = buffer.getvalue()
    assert YamnetEmbedder(self_test=False).width == 1024
    assert {path for _, path, _ in web.requests} == {"/google/yamnet/1"}


def test_without_the_hub_the_weights_of_the_authors_are_downloaded_once(web, folded, save_h5, monkeypatch):
    content = save_h5(folded).read_bytes()
    web.files["/yamnet.h5"] = content
    address = f"{web.address}/yamnet.h5#sha256={hashlib.sha256(content).hexdigest()}"
    monkeypatch.setattr("aac_tf.embeddings.yamnet.source.YAMNET_WEIGHTS", address)
    path = resolve_source()
    assert path.read_bytes() == content
    assert resolve_source() == path
    assert [path for _, path, _ in web.requests].count("/yamnet.h5") == 1
    assert YamnetEmbedder(address, self_test=False).checksum == YamnetEmbedder(path, self_test=False).checksum
    # The environment variable may pin the file.
    monkeypatch.setenv("AAC_TF_YAMNET", f"{web.address}/yamnet.h5#sha256={'0' * 64}")
    with pytest.raises(EmbeddingError, match="does not match"):
        resolve_source()


def test_other_weights_from_the_authors_address_fail_the_self_test(web, folded, save_h5, monkeypatch):
    content = save_h5(folded).read_bytes()
    web.files["/yamnet.h5"] = content
    address = f"{web.address}/yamnet.h5#sha256={hashlib.sha256(content).hexdigest()}"
    monkeypatch.setattr("aac_tf.embeddings.yamnet.source.YAMNET_WEIGHTS", address)
    with pytest.raises(EmbeddingError, match="not its weights"):
        YamnetEmbedder()


def test_the_command_downloads_the_weights_beforehand(web, folded, save_h5, monkeypatch, capsys):
    web.files["/yamnet.h5"] = save_h5(folded).read_bytes()
    for module in ("cli.tools", "embeddings.yamnet.source"):
        monkeypatch.setattr(f"aac_tf.{module}.YAMNET_WEIGHTS", f"{web.address}/yamnet.h5")
    # As if the server spoke HTTPS.
    monkeypatch.setattr("aac_tf.utils.resumed.ResumedDownload._check_protection", lambda *arguments: None)
    assert download_command.main(["yamnet"]) == 1
    captured = capsys.readouterr().err
    assert "licence: Apache-2.0" in captured
    assert "not its weights" in captured
    monkeypatch.setattr("aac_tf.embeddings.yamnet.source.check_known_sounds", lambda *arguments: None)
    assert download_command.main(["yamnet"]) == 0
    web.requests.clear()
    assert resolve_source().read_bytes() == web.files["/yamnet.h5"]
    assert web.requests == []  # neither the hub


def test_without_any_network_both_reasons_are_told(web, monkeypatch):
    monkeypatch.setattr("aac_tf.embeddings.yamnet.source.YAMNET_WEIGHTS", f"{web.address}/yamnet.h5#sha256={'0' * 64}")
    with pytest.raises(
        EmbeddingError, match=r"no YAMNet: run `aac-download yamnet`.*AAC_TF_YAMNET.*/google/yamnet/1.*yamnet\.h5: 404"
    ):
        YamnetEmbedder()


def test_weights_are_found_again_where_they_were_or_in_the_cache(folded, own_cache, tmp_path):
    path = shutil.copy(folded, tmp_path / "mine.npz")
    found = cached_network(path, self_test=False)
    assert find_weights(os.fspath(path), found.checksum) == os.fspath(path)
    path.write_bytes(b"other weights")
    assert find_weights(os.fspath(path), found.checksum) == found.folder
    assert cached_network(find_weights(None, found.checksum), self_test=False) == found
    shutil.rmtree(found.folder)
    assert find_weights(os.fspath(path), found.checksum) is None
    for checksum in (None, "", "../" * 20 + "tmp"):
        assert find_weights(os.fspath(folded), checksum) is None


def test_all_places_that_were_tried_are_told(web, monkeypatch):
    monkeypatch.setattr("aac_tf.embeddings.yamnet.source.YAMNET_WEIGHTS", f"{web.address}/yamnet.h5#sha256={'0' * 64}")
    origin = {"source": "/gone/yamnet.npz", "checksum": "0" * 64}
    with pytest.raises(
        EmbeddingError, match=r"no YAMNet: run .*/google/yamnet/1.*yamnet\.h5: 404.*trained with /gone/yamnet\.npz"
    ):
        build_frozen_encoder(load_config(None, ["embedding.kind=yamnet"]), origin)


def test_another_handle_has_no_second_source(web, monkeypatch):
    monkeypatch.setattr("aac_tf.embeddings.yamnet.source.YAMNET_WEIGHTS", f"{web.address}/yamnet.h5#sha256={'0' * 64}")
    with pytest.raises(EmbeddingError, match="cannot download"):
        YamnetEmbedder(f"{web.address}/somebody/yamnet/1")
    assert "/yamnet.h5" not in {path for _, path, _ in web.requests}
