"""Downloading CoreNLP from a local server that interrupts, corrupts and resumes downloads."""

import functools
import hashlib
import http.server
import threading
import zipfile

import pytest

from aac_tf.evaluation import MetricError, missing_metrics
from aac_tf.evaluation.java.spice_files import JARS, fetch_corenlp

MODELS = "stanford-corenlp-3.6.0-models.jar"


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `files`, with ranges; each entry of `cut` limits the bytes of one connection."""

    def __init__(self, shop, *args):
        self.shop = shop
        super().__init__(*args)

    def do_GET(self):
        body = self.shop.files.get(self.path)
        self.shop.asked.append((self.path, self.headers.get("Range")))
        if body is None:
            return self.send_error(404)
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1]) if self.shop.ranges else 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        cut = self.shop.cut.pop(0) if self.shop.cut and not self.path.endswith(".sha1") else None
        self.wfile.write(body[start:] if cut is None else body[start : start + cut])

    def log_message(self, *_):
        pass


class Shop:
    def __init__(self):
        self.files, self.asked, self.cut, self.ranges = {}, [], [], True


@pytest.fixture
def shop(tmp_path):
    shop = Shop()
    for name, member in JARS.items():
        path = tmp_path / "shop.zip"
        with zipfile.ZipFile(path, "w") as jar:
            jar.writestr(member, bytes(range(256)) * 2000)
        shop.files[f"/{name}"] = path.read_bytes()
        shop.files[f"/{name}.sha1"] = hashlib.sha1(path.read_bytes()).hexdigest().encode()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, shop))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    shop.url = f"http://127.0.0.1:{server.server_port}"
    yield shop
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, fense_weights):
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AAC_TF_CORENLP", raising=False)
    return tmp_path / "cache" / "corenlp-3.6.0"


def test_downloaded_files_are_found_and_not_downloaded_again(shop, folder):
    seen = []
    assert fetch_corenlp(shop.url + "/", lambda *progress: seen.append(progress)) == folder
    assert sorted(path.name for path in folder.iterdir()) == sorted(JARS)
    assert all((folder / name).read_bytes() == shop.files[f"/{name}"] for name in JARS)
    assert missing_metrics() == {}
    assert seen[-1] == (MODELS, len(shop.files[f"/{MODELS}"]), len(shop.files[f"/{MODELS}"]))
    shop.asked.clear()
    fetch_corenlp(shop.url)
    assert shop.asked == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_resumed(shop, folder, ranges):
    shop.cut, shop.ranges = [100_000, 300_000], ranges
    fetch_corenlp(shop.url)
    assert all((folder / name).read_bytes() == shop.files[f"/{name}"] for name in JARS)
    first = [wanted for path, wanted in shop.asked if path == f"/{next(iter(JARS))}"]
    assert first == [None, "bytes=100000-", "bytes=400000-" if ranges else "bytes=300000-"]


def test_an_earlier_download_is_resumed(shop, folder):
    folder.mkdir(parents=True)
    (folder / f"{MODELS}.part").write_bytes(shop.files[f"/{MODELS}"][:1234])
    fetch_corenlp(shop.url)
    assert (f"/{MODELS}", "bytes=1234-") in shop.asked
    assert (folder / MODELS).read_bytes() == shop.files[f"/{MODELS}"]


def test_a_complete_download_is_only_checked(shop, folder):
    folder.mkdir(parents=True)
    (folder / f"{MODELS}.part").write_bytes(shop.files[f"/{MODELS}"])
    fetch_corenlp(shop.url)
    assert (folder / MODELS).is_file()


def test_without_progress_it_stops_and_keeps_what_arrived(shop, folder):
    shop.cut = [1000, 0]
    with pytest.raises(MetricError, match=r"stopped at 1000 of \d+ bytes; run `.*--fetch-spice` to resume"):
        fetch_corenlp(shop.url)
    shop.cut = []
    fetch_corenlp(shop.url)
    assert missing_metrics() == {}


def test_damaged_files_are_not_kept(shop, folder):
    body = shop.files[f"/{MODELS}"]
    shop.files[f"/{MODELS}"] = body[:5000] + b"?" + body[5001:]
    with pytest.raises(MetricError, match="damaged: its SHA-1 is"):
        fetch_corenlp(shop.url)
    assert not [path for path in folder.iterdir() if "models" in path.name]
    assert "spice" in missing_metrics()
    shop.files[f"/{MODELS}"] = body
    fetch_corenlp(shop.url)
    assert missing_metrics() == {}


def test_another_jar_is_refused(shop):
    shop.files[f"/{MODELS}"] = shop.files["/stanford-corenlp-3.6.0.jar"]
    shop.files[f"/{MODELS}.sha1"] = shop.files["/stanford-corenlp-3.6.0.jar.sha1"]
    with pytest.raises(MetricError, match="englishPCFG"):
        fetch_corenlp(shop.url)


def test_no_server_and_no_checksum(shop, folder):
    with pytest.raises(MetricError, match=r"cannot download .*with a network connection, or put"):
        fetch_corenlp("http://127.0.0.1:9")
    shop.files[f"/{MODELS}.sha1"] = b"<html>"
    with pytest.raises(MetricError, match="does not contain a SHA-1"):
        fetch_corenlp(shop.url)
    del shop.files[f"/{MODELS}.sha1"]
    with pytest.raises(MetricError, match=r"cannot download .*Not Found"):
        fetch_corenlp(shop.url)
