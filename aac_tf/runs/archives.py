"""Reads a published run from an archive that may come from anyone."""

import lzma
import pathlib
import shutil
import tarfile
import tempfile
import zipfile
import zlib

from aac_tf.runs.errors import RunError
from aac_tf.runs.run import Run

MAX_BYTES = 1 << 30  # of all files together; those of a captioner have a few million
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


def unpack_run(archive, folder):
    """Unpacks the files of a published run.

    Only regular files with the names of `Run.PUBLISHED` are written, at the root of the archive or in its only folder.
    Everything else in it is ignored, so that no path in it matters.

    Args:
        archive: path of a `.tar`, `.tar.gz`, `.tar.xz`, `.tar.bz2` or `.zip` file.
        folder: path of the run folder to create. It appears only when it is complete.

    Raises:
        RunError: if the archive is damaged, too large, or not of a published run.
    """
    folder = pathlib.Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = pathlib.Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        opened = _open_zip if zipfile.is_zipfile(archive) else _open_tar
        try:
            opened(archive, unfinished)
        except _DAMAGED as error:
            if getattr(error, "errno", None) is not None:  # such as a full disk; errors of gzip and bz2 have no number
                raise
            raise RunError(f"{archive} is damaged, or neither a tar nor a zip archive: {error}") from error
        if not Run(unfinished).exists:
            raise RunError(f"{archive} is not a published run: it has no {Run.CONFIG}")
        if not folder.is_dir():
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _open_tar(archive, folder):
    total, places = 0, set()
    with tarfile.open(archive) as file:
        for member in file:
            total = _check_total(archive, total + member.size)
            name = _wanted(archive, member.name, places)
            if name and member.isfile():
                _copy(file.extractfile(member), folder / name, member.size)


def _open_zip(archive, folder):
    total, places = 0, set()
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            total = _check_total(archive, total + member.file_size)
            name = _wanted(archive, member.filename, places)
            link = (member.external_attr >> 16) & 0o170000 == 0o120000
            if name and not link:
                with file.open(member) as source:
                    _copy(source, folder / name, member.file_size)


def _wanted(archive, path, places):
    """The name of a file of the run, or None for anything else."""
    *parents, name = [part for part in path.split("/") if part not in ("", ".")] or [""]
    if name not in Run.PUBLISHED or len(parents) > 1:
        return None
    places.add("/".join(parents))
    if len(places) > 1:
        raise RunError(f"{archive} has several runs: {', '.join(sorted(places))}")
    return name


def _check_total(archive, total):
    if total > MAX_BYTES:
        raise RunError(f"{archive} is not a published run: its files have more than {MAX_BYTES >> 20} MB")
    return total


def _copy(source, path, size):
    with open(path, "wb") as target:
        while size > 0:
            block = source.read(min(size, 1 << 20))
            if not block:
                raise EOFError("it ends in the middle of a file")
            target.write(block)
            size -= len(block)
