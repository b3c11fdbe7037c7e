"""Locks between processes."""

import contextlib
import errno
import os
import sys
import time

if sys.platform == "win32":
    import msvcrt

    def _lock(file):
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


# A file system without locks, such as some network file systems, answers with one of these.
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


class LockedError(Exception):
    """Another process holds a lock.

    Attributes:
        owner: str, the number of the process, or `of another user`.
    """

    def __init__(self, owner):
        super().__init__(owner)
        self.owner = owner


@contextlib.contextmanager
def file_lock(path):
    """Holds a lock while the context is active; the system releases it if the process is killed.

    On a file system without locks, nothing is locked.

    Args:
        path: path of the file to lock, which is created if necessary and stays.

    Yields:
        The open file.

    Raises:
        LockedError: if another process, or another context of this process, holds the lock.

    Example:
        >>> import pathlib, tempfile
        >>> from aac_tf.utils.locks import LockedError, file_lock
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "lock"
        >>> with file_lock(path):
        ...     try:
        ...         with file_lock(path):
        ...             pass
        ...     except LockedError:
        ...         print("locked")
        locked
    """
    with open(path, "a+", encoding="utf-8") as file:
        try:
            _lock(file)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                with contextlib.suppress(OSError):
                    file.seek(0)
                    raise LockedError(file.read().strip() or "of another user") from error
                raise LockedError("of another user") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file


@contextlib.contextmanager
def waiting_lock(path):
    """As `file_lock`, but waits while the lock is held, and removes the file in the end.

    Args:
        path: path of the file to lock.
    """
    while True:
        try:
            with file_lock(path) as file:
                if not _is_at(file, path):  # who held the lock has removed it, and another may have made a new one
                    continue
                try:
                    yield
                finally:
                    with contextlib.suppress(OSError):  # Windows keeps files that are open
                        os.unlink(path)
            return
        except LockedError:
            time.sleep(0.5)


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
