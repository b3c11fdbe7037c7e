"""Unpacking of archives, also of those that someone made to do harm."""

import os
import stat
import zipfile

import py7zr
import pytest
from full_disk import full_disk

from aac_tf.downloads.unpack import unpack
from aac_tf.utils.atomic import WriteError
from aac_tf.utils.download import DownloadError

FILES = {
    "development/dog.wav": b"woof" * 1000,
    "development/ leading space.wav": b"x",
    "development/notes.txt": b"not wanted",
}
PLACES = {"*.wav": "development"}


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_7z(path, files):
    with py7zr.SevenZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return path


@pytest.fixture(params=[make_zip, make_7z], ids=["zip", "7z"])
def make(request, tmp_path):
    ending = {make_zip: "zip", make_7z: "7z"}[request.param]
    return lambda files: request.param(tmp_path / f"archive.{ending}", files)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_wanted_files_are_unpacked(make, tmp_path):
    names = unpack(make(FILES), tmp_path / "out", PLACES)
    assert sorted(names) == ["development/ leading space.wav", "development/dog.wav"]
    assert contents(tmp_path / "out") == {name: FILES[name] for name in names}


def test_only_named_recordings_are_unpacked(make, tmp_path):
    assert unpack(make(FILES), tmp_path / "out", {"*.wav": "."}, only={"dog.wav", "cat.wav"}) == ["dog.wav"]
    assert list(contents(tmp_path / "out")) == ["dog.wav"]


def test_damaged_archives_leave_nothing_incomplete(make, tmp_path):
    path = make({"a/dog.wav": os.urandom(500_000)})
    content = bytearray(path.read_bytes())
    content[200_000:200_100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(DownloadError, match=r"damaged.*download it again"):
        unpack(path, tmp_path / "out", PLACES)
    assert contents(tmp_path / "out") == {}
    path.write_bytes(b"no archive at all")
    with pytest.raises(DownloadError, match="damaged"):
        unpack(path, tmp_path / "out", PLACES)


def test_two_files_of_one_name_are_refused(make, tmp_path):
    with pytest.raises(DownloadError, match=r"two files for development/dog\.wav"):
        unpack(make({"a/dog.wav": b"1", "b/dog.wav": b"2"}), tmp_path / "out", PLACES)


def test_a_full_disk_is_said(make, tmp_path):
    path = make({"a/dog.wav": os.urandom(200_000)})
    with full_disk(), pytest.raises(WriteError, match="free some disk space"):
        unpack(path, tmp_path / "out", PLACES)
    assert contents(tmp_path / "out") == {}


def test_paths_of_a_zip_do_not_leave_the_folder(tmp_path):
    names = ["../../up.wav", "/absolute.wav", "a/../../b.wav", "..\\..\\windows.wav"]
    found = unpack(make_zip(tmp_path / "archive.zip", dict.fromkeys(names, b"x")), tmp_path / "out", PLACES)
    assert sorted(found) == [f"development/{name}.wav" for name in ("absolute", "b", "up", "windows")]
    assert all((tmp_path / "out" / name).is_file() for name in found)
    assert not list(tmp_path.parent.glob("up.wav"))


def test_paths_of_a_7z_do_not_leave_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("py7zr.py7zr.check_archive_path", lambda name: True)
    path = make_7z(tmp_path / "archive.7z", {"../../up.wav": b"x"})
    with pytest.raises(DownloadError, match="Specified path is bad"):
        unpack(path, tmp_path / "out", PLACES)
    assert contents(tmp_path / "out") == {}


def test_links_are_not_unpacked(tmp_path):
    path = make_zip(tmp_path / "archive.zip", {"dog.wav": b"x"})
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link.wav")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert unpack(path, tmp_path / "out", PLACES) == ["development/dog.wav"]
    (tmp_path / "link.wav").symlink_to("/etc/passwd")
    (tmp_path / "dog.wav").write_bytes(b"x")
    with py7zr.SevenZipFile(tmp_path / "archive.7z", "w") as archive:
        archive.write(tmp_path / "link.wav", "link.wav")
        archive.write(tmp_path / "dog.wav", "dog.wav")
    assert unpack(tmp_path / "archive.7z", tmp_path / "second", PLACES) == ["development/dog.wav"]
