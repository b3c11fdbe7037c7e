"""Paths of local and remote files: files in memory, and those of a web server."""

import functools
import http.server
import pathlib
import subprocess
import sys
import threading

import pytest
import soundfile
import tensorflow as tf
from sound_files import noise

from aac_tf.audio import AudioError, SoundFile
from aac_tf.datasets import DatasetError, Manifest
from aac_tf.utils.atomic import atomic_write
from aac_tf.utils.files import FileSystemError, file_path, list_names, local_path


@pytest.fixture
def web(tmp_path):
    """URL of a folder that a web server shows."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_remote_paths_behave_like_local_ones(tmp_path):
    with atomic_write("ram://clips/a/b c.txt") as unfinished:
        unfinished.write_text("rain\r\nfalls")
    for folder in (file_path("ram://clips/a"), tmp_path):
        (tmp_path / "b c.txt").write_bytes(b"rain\r\nfalls")
        path = folder / "b c.txt"
        assert (path.name, str(path.parent)) == ("b c.txt", str(folder))
        assert (path.is_file(), path.is_dir(), folder.is_dir()) == (True, False, True)
        assert (path.stat().st_size, list_names(folder)) == (11, ["b c.txt"])
        assert list(folder.glob("b*.txt")) == [path]
        with path.open(newline="", encoding="utf-8-sig") as file:
            assert file.read() == "rain\r\nfalls"
        assert path.read_bytes() == b"rain\r\nfalls"
        path.unlink()
        assert not path.is_file()
        with pytest.raises(FileNotFoundError):
            path.read_bytes()


def test_a_failed_upload_keeps_the_previous_file():
    for text, fails in (("before", False), ("after", True)):
        try:
            with atomic_write("ram://kept.txt") as unfinished:
                unfinished.write_text(text)
                if fails:
                    raise KeyError
        except KeyError:
            pass
    assert file_path("ram://kept.txt").read_bytes() == b"before"


def test_a_dataset_and_its_sounds_on_a_web_server(web, tmp_path):
    soundfile.write(tmp_path / "a 100% dog.wav", noise(), 22050)
    (tmp_path / "train.csv").write_text("file_name,caption\na 100% dog.wav,a dog\nnone.wav,a cat\n")
    dataset = Manifest(web)
    clips = dataset.clips("train")
    assert [clip.name for clip in clips] == ["a 100% dog.wav"]
    assert [name for name, _ in clips.left_out] == ["none.wav"]
    assert dataset.clips("test") is None
    assert SoundFile(clips[0].path).samples == 22050
    assert len(Manifest(f"{web}train.csv").clips("train")) == 1
    with pytest.raises(AudioError, match="no such file"):
        SoundFile(f"{web}none.wav")
    with pytest.raises(OSError, match="cannot be written"), atomic_write(f"{web}a.txt") as unfinished:
        unfinished.touch()
    with pytest.raises((OSError, DatasetError), match="refused"):
        Manifest("http://127.0.0.1:9/train.csv").clips("train")


def test_unknown_file_systems_are_refused_with_a_remedy(monkeypatch):
    with pytest.raises(FileSystemError, match="nope://"):
        Manifest("nope://clips").clips("train")
    monkeypatch.setitem(sys.modules, "tensorflow_io", None)
    monkeypatch.setattr(tf.io.gfile, "get_registered_schemes", lambda: ["", "file", "ram"])
    with pytest.raises(FileSystemError, match=r"s3://.* Python 3\.11 only: use Python 3\.11, copy"):
        Manifest("s3://bucket/clips").clips("train")
    with pytest.raises(AudioError, match=r"s3:// needs tensorflow-io"):
        SoundFile("s3://bucket/dog.wav")
    with pytest.raises(FileSystemError, match="on this machine"):
        local_path("s3://bucket/models")
    assert local_path("models") == pathlib.Path("models")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no on_exit")
def test_the_exit_code_survives_without_destructors():
    script = """
import atexit, sys
from aac_tf.utils import remote
remote._skip_destructors()
atexit.register(print, "last words")
print("printed")
sys.exit(7)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, "printed\nlast words\n")
