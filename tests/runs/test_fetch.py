"""Runs by name: presets, models of a hub and archives on the web, here on local servers."""

import hashlib
import io
import os
import tarfile

import pytest
from huggingface_hub import constants, file_download
from web import COMMIT, put_on_hub, serve

from aac_tf import Captioner
from aac_tf.config import ConfigError
from aac_tf.export.published import publish_run
from aac_tf.runs import RunError, presets
from aac_tf.runs.fetch import find_run, is_folder
from aac_tf.utils.download import DownloadError


@pytest.fixture(scope="module")
def published(one_run, tmp_path_factory):
    """The folder of a published run."""
    return publish_run(one_run.folder, tmp_path_factory.mktemp("published") / "small", "cc0-1.0")


@pytest.fixture
def own_presets(published, tmp_path, monkeypatch):
    """Only the preset `small`."""
    monkeypatch.setattr(presets, "FOLDER", published.parent)
    return published


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A server of archives and models, and empty caches."""
    monkeypatch.setenv("AAC_TF_CACHE", os.fspath(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", os.fspath(tmp_path / "hub"))
    with serve() as web:
        monkeypatch.setattr(constants, "ENDPOINT", web.address)
        template = web.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield web


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def archive_of(folder):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder, folder.name)
    return buffer.getvalue()


def test_a_preset_is_a_folder(own_presets, one_captioner, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Captioner.presets() == ["small"]
    assert find_run("small") == own_presets
    assert not is_folder("small")
    tokens = Captioner.from_preset("small").tokenizer.vocabulary_size()
    assert tokens == one_captioner.tokenizer.vocabulary_size()


def test_a_run_folder_hides_a_preset_of_the_same_name(own_presets, one_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").symlink_to(one_run.folder)
    assert find_run("small") == "small"
    assert is_folder("small")


def test_presets_in_a_folder_of_the_user(published, tmp_path, monkeypatch):
    monkeypatch.setattr(presets, "FOLDER", tmp_path / "none")
    assert Captioner.presets() == []
    monkeypatch.setenv("AAC_TF_PRESETS", os.fspath(published.parent))
    assert Captioner.presets() == ["small"]


@pytest.mark.parametrize("find", [find_run, Captioner.from_preset])
def test_an_unknown_preset_lists_the_known_ones(own_presets, find, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=r"everyday.*presets: small"):
        find("everyday")


def test_paths_stay_as_they_are(tmp_path):
    for path in (tmp_path, os.fspath(tmp_path), "runs/none", "gs://bucket/run"):
        assert find_run(path) == path
        assert is_folder(path)


def test_an_archive_on_the_web(web, published, one_captioner):
    web.files["/small.tar.gz"] = archive_of(published)
    address = f"{web.address}/small.tar.gz#sha256={hashlib.sha256(web.files['/small.tar.gz']).hexdigest()}"
    folder = find_run(address)
    assert contents(folder) == contents(published)
    web.files.clear()
    assert find_run(address) == folder
    assert Captioner.load(address).config.name == one_captioner.config.name
    assert not is_folder(address)


def test_a_published_folder_on_the_web(web, published, one_captioner):
    web.files |= {f"/runs/small/{name}": content for name, content in contents(published).items()}
    address = f"{web.address}/runs/small/"
    assert Captioner.load(address).tokenizer.get_vocabulary() == one_captioner.tokenizer.get_vocabulary()
    assert not is_folder(address)
    with pytest.raises(RunError, match=r"none/ is not a run folder: it has no config\.yaml"):
        Captioner.load(f"{web.address}/none/")


@pytest.mark.parametrize("address", ["http://example.org/a.zip", "https://example.org/a.zip#sha256=12"])
def test_addresses_that_are_not_safe_are_refused(address):
    with pytest.raises(RunError, match="sha256"):
        find_run(address)


def test_a_model_of_the_hub(web, published):
    more = {"setup.py": b"raise SystemExit", "pytorch_model.bin": b"pickle"}
    put_on_hub(web, "somebody/small", {**contents(published), **more})
    folder = find_run("hf://somebody/small")
    assert sorted(os.listdir(folder)) == sorted(contents(published))
    asked = {path for _, path, _ in web.requests}
    assert not any(path.endswith(name) for path in asked for name in more)
    assert find_run(f"hf://somebody/small@{COMMIT}") == folder
    assert Captioner.load("hf://somebody/small").config.name == "experiment"
    # Without a network, what was downloaded before is used.
    web.down = True
    assert find_run("hf://somebody/small") == folder


def test_models_of_the_hub_that_are_no_runs(web, published, monkeypatch):
    with pytest.raises(RunError, match="no such model or revision"):
        find_run("hf://somebody/nothing")
    put_on_hub(web, "somebody/other", {"pytorch_model.bin": b"pickle"})
    with pytest.raises(RunError, match=r"no config\.yaml"):
        find_run("hf://somebody/other")
    put_on_hub(web, "somebody/large", contents(published))
    monkeypatch.setattr("aac_tf.runs.fetch.MAX_BYTES", 100)
    with pytest.raises(RunError, match="more than"):
        find_run("hf://somebody/large")
    with pytest.raises(RunError, match="expected hf://USER/REPO"):
        find_run("hf://somebody")


def test_an_unreachable_hub_is_an_error(web):
    web.down = True
    with pytest.raises(DownloadError, match="cannot download hf://somebody/small"):
        find_run("hf://somebody/small")


def test_a_downloaded_config_cannot_name_weights_to_download(web, published, monkeypatch):
    monkeypatch.delenv("AAC_TF_YAMNET", raising=False)  # replaces the source
    files = contents(published)
    files["config.yaml"] = b"embedding: {kind: yamnet, source: 'https://example.org/yamnet.h5'}\n"
    put_on_hub(web, "somebody/evil", files)
    with pytest.raises((RunError, ConfigError), match="if you trust it"):
        Captioner.load("hf://somebody/evil")
