"""Archives of published runs, among them hostile ones."""

import io
import os
import tarfile
import zipfile

import pytest

from aac_tf.runs import RunError, archives
from aac_tf.runs.archives import unpack_run

FILES = {"config.yaml": b"name: small\n", "vocabulary.txt": b"<PAD>\n", "weights.safetensors": b"12345"}


def tar(path, members, mode="w:gz"):
    """Writes members (name, bytes or `TarInfo`)."""
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return name, info


def unpacked(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("prefix", ["", "./", "everyday/", "./everyday/"])
def test_tar_and_zip_archives(tmp_path, prefix):
    members = [(f"{prefix}{name}", content) for name, content in FILES.items()]
    unpack_run(tar(tmp_path / "a.tar.gz", members), tmp_path / "tar")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    unpack_run(tmp_path / "a.zip", tmp_path / "zip")
    assert unpacked(tmp_path / "tar") == unpacked(tmp_path / "zip") == FILES


def test_only_the_files_of_a_run_are_written(tmp_path):
    members = [
        *FILES.items(),
        ("../config.yaml/evil.txt", b"outside"),
        ("../../evil.txt", b"outside"),
        (os.fspath(tmp_path / "evil.txt"), b"outside"),
        ("setup.py", b"print('executed')"),
        ("deep/er/config.yaml", b"name: other\n"),
        link("normalization.json", "/etc/passwd"),
        link("data.json", "config.yaml", tarfile.LNKTYPE),
        link("scores.json", "", tarfile.FIFOTYPE),
    ]
    unpack_run(tar(tmp_path / "a.tar.gz", members), tmp_path / "inside" / "run")
    assert unpacked(tmp_path / "inside" / "run") == FILES
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["a.tar.gz", "inside", "run", *FILES])


def test_links_in_zip_archives_are_ignored(tmp_path):
    info = zipfile.ZipInfo("normalization.json")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
        for name, content in FILES.items():
            archive.writestr(name, content)
    unpack_run(tmp_path / "a.zip", tmp_path / "run")
    assert unpacked(tmp_path / "run") == FILES


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_what_grows_too_large_is_refused(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "MAX_BYTES", 1 << 20)
    members = [*FILES.items(), ("padding.bin", bytes(2 << 20))]
    path = tmp_path / f"a.{kind}"
    if kind == "tar":
        tar(path, members)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(name, content)
    assert path.stat().st_size < 10_000
    with pytest.raises(RunError, match="more than 1 MB"):
        unpack_run(path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>not found</html>", "neither a tar nor a zip"),
        (b"", "neither a tar nor a zip"),
        (None, "no config.yaml"),
    ],
    ids=["page", "empty", "no run"],
)
def test_what_is_no_run_is_refused(tmp_path, content, message):
    path = tmp_path / "a.tar.gz"
    if content is None:
        tar(path, [("notes.txt", b"hello")])
    else:
        path.write_bytes(content)
    with pytest.raises(RunError, match=message):
        unpack_run(path, tmp_path / "run")
    assert [file.name for file in tmp_path.iterdir()] == ["a.tar.gz"]


def test_two_runs_in_an_archive_are_refused(tmp_path):
    members = [(f"{folder}/{name}", content) for folder in "ab" for name, content in FILES.items()]
    with pytest.raises(RunError, match="several runs: a, b"):
        unpack_run(tar(tmp_path / "a.tar.gz", members), tmp_path / "run")


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz", "zip"])
def test_an_archive_with_changed_bytes_is_refused(tmp_path, compression):
    path, members = tmp_path / "archive", [*FILES.items(), ("data.json", os.urandom(2_000_000))]
    if compression == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(name, content)
    else:
        tar(path, members, f"w:{compression}")
    with open(path, "r+b") as file:
        file.seek(1_500_000)
        file.write(b"\xff" * 70_000)
    with pytest.raises(RunError, match="archive is damaged"):
        unpack_run(path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_truncated_archive_is_refused(tmp_path, share):
    path = tar(tmp_path / "a.tar.gz", [*FILES.items(), ("data.json", os.urandom(100_000))])
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(RunError, match="damaged"):
        unpack_run(path, tmp_path / "run")
    assert not (tmp_path / "run").exists()
