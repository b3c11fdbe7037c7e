"""Files in the file systems of `tf.io.gfile`: `s3://`, `gs://`, `az://` and others."""

import contextlib
import ctypes
import dataclasses
import errno
import fnmatch
import functools
import io
import os
import pathlib
import shutil
import sys
import uuid

from aac_tf.errors import AacError

PIECE = 1 << 23  # bytes that are read at once
_CODES = {"NotFoundError": errno.ENOENT, "PermissionDeniedError": errno.EACCES, "UnauthenticatedError": errno.EACCES}


class FileSystemError(AacError, ValueError):
    """A file system that TensorFlow cannot reach."""


def is_url(name):
    """Whether a path, str or path-like, is a URL such as `s3://bucket/clips`."""
    return "://" in str(name)


@dataclasses.dataclass(frozen=True, order=True)
class RemotePath:
    """A path in a file system of `tf.io.gfile`, with the methods of `pathlib.Path` and their errors.

    Args:
        url: str.
    """

    url: str

    def __str__(self):
        return self.url

    def __truediv__(self, name):
        return type(self)(f"{self.url.rstrip('/')}/{name}")

    @property
    def name(self):
        """The last part of the path."""
        return self.url.rstrip("/").rpartition("/")[2]

    @property
    def parent(self):
        """The folder that it is in."""
        return type(self)(self.url.rstrip("/").rpartition("/")[0])

    def with_name(self, name):
        """The path of another file in the same folder."""
        return self.parent / name

    def relative_to(self, folder):
        """The rest of the path, below `folder`, as str."""
        return self.url.removeprefix(f"{str(folder).rstrip('/')}/")

    def expanduser(self):
        """The path itself; for `pathlib.Path`, the folder of a user."""
        return self

    def is_file(self):
        """Whether there is such a file."""
        if self.url.endswith("/"):
            return False
        with self._gfile() as gfile:
            return gfile.exists(self.url) and not gfile.isdir(self.url)

    def is_dir(self):
        """Whether there is such a folder."""
        with self._gfile() as gfile:
            # The root of a bucket is no folder without the slash.
            return gfile.isdir(self.url) or gfile.isdir(f"{self.url.rstrip('/')}/")

    def iterdir(self):
        """Lists the paths in the folder; none if there is no such folder."""
        try:
            with self._gfile() as gfile:
                names = gfile.listdir(f"{self.url.rstrip('/')}/")
        except FileNotFoundError:
            return []
        return [self / name.rstrip("/") for name in sorted(names) if name.rstrip("/")]

    def glob(self, pattern):
        """Lists the paths in the folder whose names match a pattern."""
        return [path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern)]

    def stat(self):
        """Size and time, as `RemoteStatus`."""
        with self._gfile() as gfile:
            status = gfile.stat(self.url)
        return RemoteStatus(status.length, status.mtime_nsec, status.is_directory)

    def read_into(self, target):
        """Writes the contents to a local binary file."""
        with self._gfile() as gfile, gfile.GFile(self.url, "rb") as file:
            shutil.copyfileobj(file, target, PIECE)

    def read_bytes(self):
        """The contents."""
        contents = io.BytesIO()
        self.read_into(contents)
        return contents.getvalue()

    def open(self, newline=None, encoding="utf-8"):
        """Opens the file for reading text."""
        return io.TextIOWrapper(io.BytesIO(self.read_bytes()), encoding=encoding, newline=newline)

    def mkdir(self, parents=False, exist_ok=False):
        """Makes the folder, where the file system has folders."""
        with self._gfile() as gfile:
            gfile.makedirs(self.url)

    def unlink(self):
        """Deletes the file, if there is one."""
        with contextlib.suppress(FileNotFoundError), self._gfile() as gfile:
            gfile.remove(self.url)

    def download(self, path):
        """Copies the file to a local path."""
        unfinished = pathlib.Path(path).with_name(f".{uuid.uuid4().hex}")
        try:
            with open(unfinished, "wb") as file:
                self.read_into(file)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)

    def upload(self, path):
        """Replaces the file by a local one; readers see the old or the new file, as these file systems promise."""
        with self._gfile() as gfile:
            gfile.copy(str(path), self.url, overwrite=True)

    @contextlib.contextmanager
    def _gfile(self):
        """`tf.io.gfile`, whose errors become those of local files."""
        load_file_system(self.url)
        import tensorflow as tf

        try:
            yield tf.io.gfile
        except (tf.errors.OpError, RuntimeError) as error:  # the latter of az://
            reason = " ".join(str(getattr(error, "message", error)).split())[:300]
            raise OSError(_CODES.get(type(error).__name__, errno.EIO), reason, self.url) from error


@dataclasses.dataclass(frozen=True)
class RemoteStatus:
    """Size in bytes and time of the last change in nanoseconds, named as in `os.stat_result`, and the kind."""

    st_size: int
    st_mtime_ns: int
    is_directory: bool = False


def load_file_system(url):
    """Loads the file system of a URL, which may be one of tensorflow-io.

    Args:
        url: str; a local path needs nothing.

    Raises:
        FileSystemError: if TensorFlow does not have it.
    """
    if not is_url(url):
        return
    import tensorflow as tf

    scheme = url.partition("://")[0]
    if scheme not in tf.io.gfile.get_registered_schemes():
        try:
            import tensorflow_io  # noqa: F401 - registers its file systems
        except ImportError:
            raise FileSystemError(
                f"{url}: {scheme}:// needs tensorflow-io, which exists for Python 3.11 only: use Python 3.11, copy the "
                "files to this machine, or mount them as a folder"
            ) from None
    if "tensorflow_io" in sys.modules:
        _skip_destructors()
    if scheme not in tf.io.gfile.get_registered_schemes():
        known = ", ".join(sorted(name for name in tf.io.gfile.get_registered_schemes() if name))
        raise FileSystemError(f"{url}: TensorFlow has no file system {scheme}://; it has {known}")


@functools.cache
def _skip_destructors():
    """Makes the process exit without the C++ destructors of libraries.

    Those of tensorflow-io 0.36 abort a process that has used S3 (https://github.com/tensorflow/io/issues/1912), so that
    finished work would end with exit code 134. At this point Python has run its own exit functions.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "on_exit"):  # glibc's `atexit`, which passes the exit code on
            library.on_exit(library._exit, None)
            library.on_exit(library.fcloseall, None)  # the last function is called first
