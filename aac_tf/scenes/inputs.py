"""What a corpus of scenes was composed from, as far as can be told without reading sounds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
from collections.abc import Iterable, Mapping

from aac_tf.utils import atomic_write

_NAME = "inputs.json"


def fingerprint(options: Mapping, paths: Iterable[pathlib.Path], versions: Iterable) -> str:
    """A digest of options and of files: of the names, sizes and times of change of all files of the paths.

    Args:
        options: options of the corpus.
        paths: files, and folders with everything in them.
        versions: versions of the code that matter.

    Returns:
        The digest.
    """
    digest = hashlib.sha256(json.dumps([dict(options), list(versions)], sort_keys=True, default=str).encode())
    for path in paths:
        places = os.walk(path, followlinks=True)  # none of a file
        for file in sorted(pathlib.Path(place, name) for place, _, names in places for name in names) or [path]:
            with contextlib.suppress(OSError):
                status = file.stat()
                digest.update(f"{file}\n{status.st_size}\n{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def is_known(root: pathlib.Path, found: str) -> bool:
    """Whether the corpus in `root` was composed from inputs with this fingerprint."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads((root / _NAME).read_text(encoding="utf-8")) == {"fingerprint": found}
    return False


def remember(root: pathlib.Path, found: str) -> None:
    """Notes the fingerprint of the inputs in the corpus; a read-only corpus is checked anew each time."""
    with contextlib.suppress(OSError), atomic_write(root / _NAME) as path:
        path.write_text(json.dumps({"fingerprint": found}) + "\n", encoding="utf-8")
