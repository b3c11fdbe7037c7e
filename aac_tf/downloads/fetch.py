"""Downloads a published dataset into the folder that its reader expects."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import fnmatch
import json
import pathlib
import re

from aac_tf.downloads.catalogue import PublishedFile
from aac_tf.downloads.unpack import require_7z, unpack
from aac_tf.errors import AacError
from aac_tf.utils.atomic import atomic_write
from aac_tf.utils.download import DownloadError, fetch_file, on_mirror

# Folder for what is not complete, and for the list of what was unpacked.
WORK = ".downloads"
_UNPACKED = "unpacked.json"


class SelectionError(AacError, ValueError):
    """No file of a dataset is meant."""


class MirrorError(AacError, ValueError):
    """A mirror cannot be trusted with a file."""


@dataclasses.dataclass(frozen=True)
class Step:
    """A file to download.

    Args:
        file: the file.
        addresses: its URLs, those of mirrors first.
        target: path that it gets, or of the folder that it is unpacked into.
        done: whether it is there already.
    """

    file: PublishedFile
    addresses: tuple[str, ...]
    target: pathlib.Path
    done: bool


def plan(published, folder, mirrors=(), pattern=None):
    """Lists what `fetch` would download; without network.

    Args:
        published: `Published`.
        folder: path of the dataset's folder.
        mirrors: URLs of folders with files of the same names, which are tried before the publisher's.
        pattern: pattern of the names of the wanted files, such as `*.csv`; None for all.

    Returns:
        list of `Step`.

    Raises:
        SelectionError: if no file has such a name.
        MirrorError: if a mirror is `http://`, and a file has no published checksum.
    """
    folder, steps = pathlib.Path(folder), []
    unpacked = _read_unpacked(folder)
    for file in published.files:
        if pattern is not None and not fnmatch.fnmatch(file.name, pattern):
            continue
        if file.checksum is None and not all(mirror.startswith("https://") for mirror in mirrors):
            raise MirrorError(f"{file.name} has no published checksum: expected a mirror https://..., not http://")
        addresses = tuple(on_mirror(mirror, file.name) for mirror in mirrors) + file.address
        if file.unpack is None:
            target = folder / file.name
            done = target.is_file()
        else:
            places = sorted(set(file.unpack.values()) - {"."})
            target = folder.joinpath(*places[:1])
            names = unpacked.get(file.name)
            done = names is not None and all((folder / name).is_file() for name in names)
        steps.append(Step(file, addresses, target, done))
    if not steps:
        names = ", ".join(file.name for file in published.files)
        raise SelectionError(f"no file matches {pattern!r}; the files are {names}")
    return steps


def fetch(published, folder, mirrors=(), pattern=None, keep=False, show=print):
    """Downloads and unpacks a dataset; an interrupted download is resumed, and what is there is not downloaded again.

    Args:
        published: `Published`.
        folder: path of the dataset's folder.
        mirrors: as for `plan`.
        pattern: as for `plan`.
        keep: bool, whether archives stay in the subfolder `.downloads` once they are unpacked.
        show: function `(text)` that reports the files.

    Raises:
        DownloadError: if a file cannot be downloaded, is damaged or is another one than expected.
        WriteError: if the disk is full.
        SelectionError, MirrorError: as for `plan`.
    """
    folder = pathlib.Path(folder)
    steps = plan(published, folder, mirrors, pattern)
    if any(step.file.name.endswith(".7z") and not step.done for step in steps):
        require_7z()  # rather than after gigabytes
    work = folder / WORK
    work.mkdir(parents=True, exist_ok=True)
    for number, step in enumerate(steps, 1):
        what = f"{number}/{len(steps)} {step.file.name}"
        if step.done:
            show(f"{what}: already there")
            continue
        show(what)
        received = work / step.file.name
        wanted = _wanted(folder, step.file)
        fetch_file(step.addresses, received, step.file.checksum)
        if step.file.unpack is None:
            _check_count(step.file, _rows(received), "rows", received)
            received.replace(step.target)
            continue
        names = unpack(received, folder, step.file.unpack, wanted)
        _check_count(step.file, len(names), "files", received)
        _write_unpacked(folder, {**_read_unpacked(folder), step.file.name: names})
        if not keep:
            received.unlink()
    with contextlib.suppress(OSError):  # it stays if it has files
        work.rmdir()


def _rows(path):
    if path.suffix != ".csv":
        return None
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        return sum(1 for _ in csv.DictReader(file))


def _check_count(file, found, what, path):
    if file.count is not None and found != file.count:
        path.unlink()
        raise DownloadError(f"{file.name} has {found} {what}, expected {file.count}: the publisher has changed it")


def _wanted(folder, file):
    """Names of the recordings that the dataset's file `only` names."""
    if file.only is None:
        return None
    path = folder / file.only
    if not path.is_file():
        raise DownloadError(f"{file.name} needs {path}, which names its recordings: download it first")
    return set(re.findall(r"[\w.-]+\.wav", path.read_text(encoding="utf-8")))


def _read_unpacked(folder):
    """The paths of the files that were unpacked, by archive."""
    try:
        return json.loads((folder / WORK / _UNPACKED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write_unpacked(folder, table):
    with atomic_write(folder / WORK / _UNPACKED) as unfinished:
        unfinished.write_text(json.dumps(table), encoding="utf-8")
