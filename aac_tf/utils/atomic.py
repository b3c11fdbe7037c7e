"""Files that are whole or not there at all."""

import contextlib
import os
import pathlib
import uuid


@contextlib.contextmanager
def atomic_write(path):
    """A context in which a file is written beside its place, and after which it is moved there.

    So a program that is killed, or has no room, leaves the file that was there before, and of several that write the
    same one the last wins.

    Args:
        path: path of the file.

    Yields:
        `pathlib.Path` to write to.
    """
    path = pathlib.Path(path)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
