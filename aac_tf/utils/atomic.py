"""Atomic file writes."""

import contextlib
import errno
import os
import pathlib
import shutil
import tempfile
import uuid

from aac_tf.errors import AacError
from aac_tf.utils.files import UNFINISHED, RemotePath, file_path, local_path

_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


class WriteError(AacError, OSError):
    """A file or folder cannot be written, for example because the disk is full."""


@contextlib.contextmanager
def atomic_write(path):
    """Writes a file atomically: to a temporary file in the same folder, which replaces `path` when the context exits.

    If the process is killed or the disk is full, the previous file stays. If several processes write the same file, the
    last one wins. A remote file is written to a temporary folder and uploaded. Anything but a regular file, such as
    `/dev/stdout`, is written directly.

    Args:
        path: path or URL of the file.

    Yields:
        `pathlib.Path` of the temporary file to write.

    Raises:
        WriteError: if the disk is full; other errors are those of the file system.

    Example:
        >>> import pathlib, tempfile
        >>> from aac_tf.utils import atomic_write
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "scores.json"
        >>> with atomic_write(path) as unfinished:
        ...     _ = unfinished.write_text("{}")
        >>> path.read_text()
        '{}'
    """
    path = file_path(path)
    with writing(path):
        if isinstance(path, RemotePath):
            with tempfile.TemporaryDirectory() as folder:
                yield pathlib.Path(folder, path.name)
                path.upload(pathlib.Path(folder, path.name))
            return
        if path.exists() and not path.is_file():
            yield path
            return
        unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            yield unfinished
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path, errors=()):
    """Writes a folder that appears only when it is complete.

    Args:
        path: path of a folder that does not exist yet, or is empty (see `check_new_folder`).
        errors: as for `writing`.

    Yields:
        `pathlib.Path` of the temporary folder to write.

    Raises:
        FileSystemError: if it is a URL.
        WriteError: as `writing` does.

    Example:
        >>> import pathlib, tempfile
        >>> from aac_tf.utils.atomic import atomic_folder
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "run"
        >>> with atomic_folder(path) as unfinished:
        ...     _ = (unfinished / "scores.json").write_text("{}")
        ...     path.exists()
        False
        >>> [file.name for file in path.iterdir()]
        ['scores.json']
    """
    path = local_path(path)
    with writing(path, errors):
        path.parent.mkdir(parents=True, exist_ok=True)
        # In `path` if that exists, which may be a mount point whose parent cannot be written to; otherwise beside it.
        parent = path if path.is_dir() else path.parent
        unfinished = pathlib.Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
        unfinished.chmod(0o755)  # mkdtemp made it private
        try:
            yield unfinished
            complete_folder(unfinished, path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def complete_folder(unfinished, path):
    """Renames a folder to `path`; if that exists, moves the contents there: folders first, then files."""
    if path.is_dir():
        for part in sorted(unfinished.iterdir(), key=lambda part: (part.is_file(), part.name)):
            part.rename(path / part.name)
    else:
        unfinished.rename(path)


@contextlib.contextmanager
def writing(path, errors=()):
    """Explains the errors of a full disk, which have no path.

    Args:
        path: path of the file or folder that is written.
        errors: other errors to explain, a class or a tuple of classes, such as `tf.errors.OpError`.

    Raises:
        WriteError: for these errors.

    Example:
        >>> import errno
        >>> from aac_tf.utils.atomic import WriteError, writing
        >>> try:
        ...     with writing("scores.json"):
        ...         raise OSError(errno.ENOSPC, "No space left on device")
        ... except WriteError as error:
        ...     print(error)
        cannot write scores.json: No space left on device; free some disk space, or choose another folder
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _explained(path, error.strerror) from error
    except errors as error:
        raise _explained(path, str(getattr(error, "message", error))) from error


def _explained(path, reason):
    reason = " ".join(reason.split())[:300].rstrip(".")
    return WriteError(f"cannot write {path}: {reason}; free some disk space, or choose another folder")


def check_space(folder, wanted):
    """Raises `WriteError` if the disk of a folder, which need not exist yet, has fewer free bytes than wanted."""
    folder = pathlib.Path(folder).absolute()
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    if wanted > free:
        raise WriteError(
            f"cannot write to {folder}: {wanted / 1e9:,.1f} GB are needed, and {free / 1e9:,.1f} GB are free; free "
            "some disk space, or choose another folder"
        )
