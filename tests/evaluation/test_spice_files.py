"""Downloading CoreNLP from a local server that interrupts, corrupts and resumes downloads."""

import hashlib
import json
import zipfile

import pytest
from web import serve

from aac_tf.cli import download
from aac_tf.evaluation import MetricError, missing_metrics
from aac_tf.evaluation.java.spice_files import JARS, fetch_corenlp

MODELS = "stanford-corenlp-3.6.0-models.jar"


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setattr("aac_tf.utils.resumed.time.sleep", lambda seconds: None)
    with serve() as web:
        for name, member in JARS.items():
            path = tmp_path / "jar.zip"
            with zipfile.ZipFile(path, "w") as jar:
                jar.writestr(member, bytes(range(256)) * 2000)
            put(web, name, path.read_bytes())
        yield web


def put(web, name, content):
    web.files[f"/{name}"] = content
    web.files[f"/{name}.sha1"] = hashlib.sha1(content).hexdigest().encode()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, fense_weights):
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AAC_TF_CORENLP", raising=False)
    return tmp_path / "cache" / "corenlp-3.6.0"


def test_downloaded_files_are_found_and_not_downloaded_again(web, folder):
    assert fetch_corenlp(web.address + "/") == folder
    assert sorted(path.name for path in folder.iterdir()) == sorted(JARS)
    assert all((folder / name).read_bytes() == web.files[f"/{name}"] for name in JARS)
    assert missing_metrics() == {}
    web.requests.clear()
    fetch_corenlp(web.address)
    assert web.requests == []


def test_the_command_that_downloads_everything_has_it_too(web, folder, capsys):
    assert download.main(["corenlp", "--mirror", web.address, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["folder"] == str(folder)
    assert "licence: GPL-3.0" in captured.err
    assert missing_metrics() == {}


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_resumed(web, folder, ranges):
    web.cut, web.ranges = 2, ranges
    fetch_corenlp(web.address)
    assert all((folder / name).read_bytes() == web.files[f"/{name}"] for name in JARS)


def test_an_interrupted_download_is_resumed_by_the_next_call(web, folder):
    folder.mkdir(parents=True)
    (folder / f"{MODELS}.part").write_bytes(web.files[f"/{MODELS}"][:1234])
    fetch_corenlp(web.address)
    assert ("GET", f"/{MODELS}", "bytes=1234-") in web.requests
    assert (folder / MODELS).read_bytes() == web.files[f"/{MODELS}"]


def test_damaged_files_are_not_kept(web, folder):
    body = web.files[f"/{MODELS}"]
    web.files[f"/{MODELS}"] = body[:5000] + b"?" + body[5001:]
    with pytest.raises(MetricError, match="does not match"):
        fetch_corenlp(web.address)
    assert not [path for path in folder.iterdir() if "models" in path.name]
    assert "spice" in missing_metrics()
    web.files[f"/{MODELS}"] = body
    fetch_corenlp(web.address)
    assert missing_metrics() == {}


def test_another_jar_is_refused(web):
    put(web, MODELS, web.files["/stanford-corenlp-3.6.0.jar"])
    with pytest.raises(MetricError, match="englishPCFG"):
        fetch_corenlp(web.address)


def test_no_server_and_no_checksum(web):
    with pytest.raises(MetricError, match=r"cannot download .*with a network connection or with --mirror URL, or put"):
        fetch_corenlp("http://127.0.0.1:9")
    web.files[f"/{MODELS}.sha1"] = b"<html>"
    with pytest.raises(MetricError, match="there is no SHA-1"):
        fetch_corenlp(web.address)
    put(web, MODELS, b"jar")
    del web.files[f"/{MODELS}"]
    with pytest.raises(MetricError, match=r"cannot download .*404"):
        fetch_corenlp(web.address)
