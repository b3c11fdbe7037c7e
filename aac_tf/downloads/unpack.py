"""Unpacks the wanted files of archives that may come from anyone."""

from __future__ import annotations

import contextlib
import fnmatch
import pathlib
import shutil
import stat
import sys
import zipfile
import zlib

from tqdm import tqdm

from aac_tf.utils.atomic import atomic_write, check_space, writing
from aac_tf.utils.download import DownloadError


def unpack(archive, folder, places, only=None):
    """Unpacks files of an archive.

    Only regular files are unpacked, and of their path in the archive only the name is used, so that no archive can
    write outside of the folder. A file appears only when it is complete.

    Args:
        archive: path of a `.zip` or `.7z` file.
        folder: path of the folder to unpack into.
        places: dict of pattern (as of a shell, for the path in the archive) to subfolder.
        only: set of the names of wanted files; None for all.

    Returns:
        list of str, paths of the unpacked files relative to the folder.

    Raises:
        DownloadError: if the archive is damaged, two of its files would have the same path, or py7zr is missing.
        WriteError: if the disk is full.
    """
    archive, folder = pathlib.Path(archive), pathlib.Path(folder)
    kind = _SevenZip if archive.suffix == ".7z" else _Zip
    try:
        with kind(archive) as opened:
            targets, size = {}, 0
            for path, bytes_ in opened.members():
                target = _target(path, places, only)
                if target is None:
                    continue
                if target in targets.values():
                    raise DownloadError(f"{archive} has two files for {target}")
                targets[path], size = target, size + bytes_
            folder.mkdir(parents=True, exist_ok=True)
            check_space(folder, size)
            for place in {target.parent for target in targets.values()}:
                (folder / place).mkdir(parents=True, exist_ok=True)
            with tqdm(total=size, desc=f"unpacking {archive.name}", unit="B", unit_scale=True, delay=2) as bar:
                opened.extract({path: folder / target for path, target in targets.items()}, bar.update)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, *_errors_of_7z(kind)) as error:
        raise DownloadError(f"{archive} is damaged: {error}; delete it and download it again") from error
    return [target.as_posix() for target in targets.values()]


def require_7z():
    """Raises `DownloadError` with the command to install it if py7zr is missing."""
    try:
        import py7zr  # noqa: F401
    except ModuleNotFoundError as error:
        raise DownloadError(
            'the recordings are in .7z archives: install what unpacks them with `pip install "aac_tf[data]"`'
        ) from error


def _target(path, places, only):
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    if name in ("", ".", "..") or "\0" in name or (only is not None and name not in only):
        return None
    folder = next((place for pattern, place in places.items() if fnmatch.fnmatchcase(path, pattern)), None)
    return None if folder is None else pathlib.PurePosixPath(folder, name)


def _errors_of_7z(kind):
    if kind is not _SevenZip:
        return ()
    import lzma

    require_7z()
    from py7zr.exceptions import ArchiveError

    return ArchiveError, lzma.LZMAError


class _Zip:
    """A zip archive."""

    def __init__(self, path):
        self._file = zipfile.ZipFile(path)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def members(self):
        """(path, size) of the regular files."""
        for info in self._file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if not info.is_dir() and kind in (0, stat.S_IFREG):
                yield info.filename, info.file_size

    def extract(self, targets, progress):
        """Writes members to files; zipfile checks each against its CRC-32."""
        for path, target in targets.items():
            with self._file.open(path) as source, atomic_write(target) as unfinished:
                with open(unfinished, "wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                progress(unfinished.stat().st_size)


class _SevenZip:
    """A 7z archive."""

    def __init__(self, path):
        require_7z()
        from py7zr import SevenZipFile

        self._file = SevenZipFile(path)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def members(self):
        """(path, size) of the regular files."""
        for info in self._file.list():
            if info.is_file and not info.is_symlink:
                yield info.filename, info.uncompressed

    def extract(self, targets, progress):
        """Writes members to files; py7zr checks each against its CRC-32."""
        from py7zr import Py7zIO, WriterFactory

        class Writer(Py7zIO):
            """Passes on to a file what py7zr writes."""

            def __init__(self, target):
                self._context, self._target, self._size = contextlib.ExitStack(), target, 0
                unfinished = self._context.enter_context(atomic_write(target))
                self._file = self._context.enter_context(open(unfinished, "wb"))  # noqa: SIM115

            def write(self, data):
                self._size += len(data)
                progress(len(data))
                with writing(self._target):
                    return self._file.write(data)

            def read(self, size=None):
                return b""

            def seek(self, offset, whence=0):
                return 0

            def flush(self):
                self._file.flush()

            def size(self):
                return self._size

            def close(self):
                self._context.close()

            def abort(self, *error):
                with contextlib.suppress(BaseException):
                    self._context.__exit__(*error)

        class Writers(WriterFactory):
            """Makes a writer for each file; py7zr gives its path below the root."""

            root, made = pathlib.Path("/"), []

            def create(self, filename):
                self.made.append(Writer(targets[pathlib.Path(filename).relative_to(self.root).as_posix()]))
                return self.made[-1]

        try:
            self._file.extract(Writers.root, targets=list(targets), factory=Writers())
        except BaseException:
            for writer in Writers.made:
                writer.abort(*sys.exc_info())
            raise
