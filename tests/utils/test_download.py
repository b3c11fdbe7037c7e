"""Downloads from a local server."""

import concurrent.futures
import hashlib
import os

import pytest
from full_disk import full_disk
from web import serve

from aac_tf.utils.atomic import WriteError
from aac_tf.utils.download import DownloadError, download, fetch_file, split_address

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setenv("AAC_TF_CACHE", os.fspath(tmp_path / "cache"))
    monkeypatch.setattr("aac_tf.utils.resumed.time.sleep", lambda seconds: None)
    with serve() as web:
        web.files["/run.tar.gz"] = CONTENT
        yield web


def test_a_file_is_downloaded_once(web):
    address = f"{web.address}/run.tar.gz#sha256={SHA256.upper()}"
    path = download(address, 1 << 24)
    assert path.read_bytes() == CONTENT
    assert download(address, 1 << 24) == path
    assert len(web.requests) == 1


def test_those_that_wait_for_a_download_do_not_repeat_it(web):
    address = f"{web.address}/run.tar.gz#sha256={SHA256}"
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        paths = list(threads.map(lambda _: download(address, 1 << 24), range(4)))
    assert paths[0].read_bytes() == CONTENT
    assert list(paths[0].parent.iterdir()) == [paths[0]]
    assert len(web.requests) == 1


@pytest.mark.parametrize("ranges", [True, False], ids=["continued", "from the start"])
def test_a_broken_connection_is_continued(web, ranges):
    web.cut, web.ranges = 2, ranges
    path = download(f"{web.address}/run.tar.gz#sha256={SHA256}", 1 << 24)
    assert path.read_bytes() == CONTENT
    starts = [int(wanted[6:-1]) if wanted else 0 for _, _, wanted in web.requests]
    assert starts[0] == 0
    assert starts[1] > len(CONTENT) // 2 - 100_000
    assert len(starts) == 3


def test_a_connection_that_always_breaks_is_an_error(web):
    web.cut, web.ranges = 100, False
    with pytest.raises(DownloadError, match=r"cannot download .*/run\.tar\.gz: "):
        download(f"{web.address}/run.tar.gz#sha256={SHA256}", 1 << 24)


def test_another_file_than_expected_is_refused(web):
    address = f"{web.address}/run.tar.gz#sha256={'0' * 64}"
    with pytest.raises(DownloadError, match="does not match"):
        download(address, 1 << 24)
    with pytest.raises(DownloadError, match="does not match"):  # nothing was kept
        download(address, 1 << 24)


def test_a_large_file_is_given_up(web):
    with pytest.raises(DownloadError, match="more than 1 MB"):
        download(f"{web.address}/run.tar.gz#sha256={SHA256}", 1_000_000)


def test_a_missing_file_is_an_error(web):
    with pytest.raises(DownloadError, match="404"):
        download(f"{web.address}/other#sha256={SHA256}", 1 << 24)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://example.org/run.zip", "not protected"),
        ("https://example.org/run.zip#md5=1", "expected #sha256="),
        ("ftp://example.org/run.zip", "expected an address https"),
        ("https:///run.zip", "expected an address https"),
    ],
)
def test_addresses_that_are_refused(address, message):
    with pytest.raises(ValueError, match=message):
        split_address(address)


def test_the_checksum_may_lie_beside_the_file(web, monkeypatch, caplog):
    # As if the server spoke HTTPS.
    monkeypatch.setattr("aac_tf.utils.download.split_address", lambda address: (address, None))
    monkeypatch.setattr("aac_tf.utils.resumed.ResumedDownload._check_protection", lambda *arguments: None)
    web.files["/run.tar.gz.sha256"] = f"{'0' * 64}  run.tar.gz\n".encode()
    with pytest.raises(DownloadError, match="does not match"):
        download(f"{web.address}/run.tar.gz", 1 << 24, checksum_beside=True)
    web.files["/run.tar.gz.sha256"] = f"{SHA256}  run.tar.gz\n".encode()
    assert download(f"{web.address}/run.tar.gz", 1 << 24, checksum_beside=True).read_bytes() == CONTENT
    assert not caplog.text


def test_a_file_without_checksum_says_how_to_pin_it(web, monkeypatch, caplog):
    monkeypatch.setattr("aac_tf.utils.download.split_address", lambda address: (address, None))
    with pytest.raises(DownloadError, match="not protected"):
        download(f"{web.address}/run.tar.gz", 1 << 24)
    monkeypatch.setattr("aac_tf.utils.resumed.ResumedDownload._check_protection", lambda *arguments: None)
    download(f"{web.address}/run.tar.gz", 1 << 24, checksum_beside=True)
    assert f"{web.address}/run.tar.gz#sha256={SHA256}" in caplog.text


def test_an_interrupted_download_is_continued_by_the_next_call(web, tmp_path, monkeypatch):
    path = tmp_path / "run.tar.gz"
    monkeypatch.setattr("aac_tf.utils.resumed._ATTEMPTS", 1)
    web.cut = 1
    with pytest.raises(DownloadError, match="cannot download"):
        fetch_file([f"{web.address}/run.tar.gz"], path, f"sha256:{SHA256}")
    arrived = (tmp_path / "run.tar.gz.part").stat().st_size
    assert 0 < arrived < len(CONTENT)
    fetch_file([f"{web.address}/run.tar.gz"], path, f"sha256:{SHA256}")
    assert path.read_bytes() == CONTENT
    assert web.requests[-1][2] == f"bytes={arrived}-"
    assert [found.name for found in tmp_path.iterdir() if found.is_file()] == ["run.tar.gz"]


def test_the_beginning_of_another_version_is_not_continued(web, tmp_path):
    """Neither if the server compares versions, nor if only the checksum shows it."""
    for version in ('"of another version"', ""):
        path = tmp_path / f"run{len(version)}"
        path.with_name(f"{path.name}.part").write_bytes(b"another version")
        path.with_name(f"{path.name}.part.version").write_text(version)
        fetch_file([f"{web.address}/run.tar.gz"], path, f"sha256:{SHA256}")
        assert path.read_bytes() == CONTENT


def test_a_complete_partial_file_is_only_checked(web, tmp_path):
    (tmp_path / "run.part").write_bytes(CONTENT)
    fetch_file([f"{web.address}/run.tar.gz"], tmp_path / "run", f"sha256:{SHA256}")
    assert (tmp_path / "run").read_bytes() == CONTENT


@pytest.mark.parametrize("first", ["missing", "damaged", "down"])
def test_the_next_address_is_used_if_one_fails(web, tmp_path, first):
    web.files["/damaged"] = b"?" * 5000
    url = {"missing": f"{web.address}/nothing", "damaged": f"{web.address}/damaged", "down": "http://127.0.0.1:9/x"}
    md5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
    fetch_file([url[first], f"{web.address}/run.tar.gz"], tmp_path / "run", md5)
    assert (tmp_path / "run").read_bytes() == CONTENT


def test_all_addresses_that_failed_are_named(web, tmp_path):
    web.files["/damaged"] = b"?"
    with pytest.raises(DownloadError, match=r"does not match.*; cannot download .*/nothing: 404"):
        fetch_file([f"{web.address}/damaged", f"{web.address}/nothing"], tmp_path / "run", f"sha256:{SHA256}")


def test_a_full_disk_is_said_at_once(web, tmp_path, monkeypatch):
    with full_disk(), pytest.raises(WriteError, match="free some disk space"):
        fetch_file([f"{web.address}/run.tar.gz"], tmp_path / "run", f"sha256:{SHA256}")
    assert len(web.requests) == 1
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(WriteError, match=r"0\.0 GB are needed.*choose another folder"):
        fetch_file([f"{web.address}/run.tar.gz"], tmp_path / "other", f"sha256:{SHA256}")


def test_a_server_that_cannot_be_reached_is_said_in_few_words(web, tmp_path):
    with pytest.raises(DownloadError) as caught:
        fetch_file(["http://127.0.0.1:9/run"], tmp_path / "run", f"sha256:{SHA256}")
    assert "Connection refused" in str(caught.value)
    assert "HTTPConnection" not in str(caught.value)
    assert len(str(caught.value)) < 150
