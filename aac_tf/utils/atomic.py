"""Atomic file writes."""

import contextlib
import os
import pathlib
import uuid


@contextlib.contextmanager
def atomic_write(path):
    """Writes a file atomically: to a temporary file in the same folder, which replaces `path` when the context exits.

    If the process is killed or the disk is full, the previous file stays. If several processes write the same file, the
    last one wins.

    Args:
        path: path of the file.

    Yields:
        `pathlib.Path` of the temporary file to write.

    Example:
        >>> import pathlib, tempfile
        >>> from aac_tf.utils import atomic_write
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "scores.json"
        >>> with atomic_write(path) as unfinished:
        ...     _ = unfinished.write_text("{}")
        >>> path.read_text()
        '{}'
    """
    path = pathlib.Path(path)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
