"""Finding the recordings of folders."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence

ENDINGS = (
    *(".aac", ".aif", ".aiff", ".au", ".caf", ".flac", ".m4a", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".oga", ".ogg"),
    *(".opus", ".snd", ".w64", ".wav", ".webm", ".wma"),
)


@dataclasses.dataclass(frozen=True)
class Found:
    """A recording.

    Args:
        path: path of the file.
        folder: name of the folder in which it was looked for.
        name: its path in this folder.
    """

    path: pathlib.Path
    folder: str
    name: str


def find_recordings(folders: Sequence[str | os.PathLike]) -> list[Found]:
    """Finds all sound files in folders and their subfolders, by the endings of their names.

    Args:
        folders: paths.

    Returns:
        The recordings, sorted within each folder; a file that is in two of the folders is listed once.

    Raises:
        NotADirectoryError: if a path is not a folder.
        FileNotFoundError: if a folder does not exist or has no sound file.
    """
    found: dict[pathlib.Path, Found] = {}
    for folder in map(pathlib.Path, folders):
        if not folder.exists():
            raise FileNotFoundError(f"{folder} does not exist; expected a folder of recordings")
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is a file; expected a folder of recordings")
        paths = sorted(
            pathlib.Path(place, name)
            for place, _, names in os.walk(folder)
            for name in names
            if name.lower().endswith(ENDINGS) and not name.startswith(".")
        )
        if not paths:
            raise FileNotFoundError(f"{folder} has no sound files; expected WAV, FLAC, Ogg, MP3 or others")
        for path in paths:
            name = path.relative_to(folder).as_posix()
            found.setdefault(path.resolve(), Found(path, folder.resolve().name, name))
    return list(found.values())
