"""The folders of sounds and files of captions that scenes are composed from, as configs name them."""

from __future__ import annotations

import pathlib
import re

from aac_tf.datasets import DatasetError
from aac_tf.scenes.licences import licences_of


def bank_folders(value) -> list[tuple[str, pathlib.Path]]:
    """Reads the folders of a bank and their licences.

    Args:
        value: as for `path_list`; each path may follow the licence of those clips of the folder whose table names none
            and `=`, unless a folder of that name exists.

    Returns:
        list of (licence, path); the licence is empty if there is none.

    Raises:
        DatasetError: if it is something else, or empty, or a licence is unknown.

    Example:
        >>> from aac_tf.scenes.files import bank_folders
        >>> [(licence, str(path)) for licence, path in bank_folders("CC-BY-3.0=ESC-10, my-bank")]
        [('CC-BY-3.0', 'ESC-10'), ('', 'my-bank')]
    """
    folders = [_named(path, r"[^=/]+") for path in path_list(value)]
    for licence, path in folders:
        if licence and not licences_of(licence):
            raise DatasetError(f"unknown licence {licence!r} of {path}; expected LICENCE=FOLDER, such as CC-BY={path}")
    return folders


def script_files(value) -> list[tuple[str, pathlib.Path]]:
    """Reads the files of captions and their styles.

    Args:
        value: as for `path_list`; each path may follow the style of the file's captions and `=`, unless a file of that
            name exists.

    Returns:
        list of (style, path); the style is empty if there is none.

    Raises:
        DatasetError: if it is something else, or empty.

    Example:
        >>> from aac_tf.scenes.files import script_files
        >>> [(style, str(path)) for style, path in script_files("clotho=train.csv, mine.txt")]
        [('clotho', 'train.csv'), ('', 'mine.txt')]
    """
    return [_named(path, r"[\w.-]+") for path in path_list(value)]


def path_list(value) -> list[pathlib.Path]:
    """Reads one path or several.

    Args:
        value: a path; several separated by commas, unless a file of that name exists; or a list of paths.

    Returns:
        list of paths.

    Raises:
        DatasetError: if it is something else, or empty.

    Example:
        >>> from aac_tf.scenes.files import path_list
        >>> [str(path) for path in path_list("ESC-50, UrbanSound8K")]
        ['ESC-50', 'UrbanSound8K']
    """
    if isinstance(value, str):
        value = [value] if pathlib.Path(value).exists() else [part.strip() for part in value.split(",")]
    elif isinstance(value, pathlib.Path):
        value = [value]
    if (
        not isinstance(value, (list, tuple))
        or not value
        or not all(part and isinstance(part, (str, pathlib.Path)) for part in value)
    ):
        raise DatasetError(f"expected a path or a list of paths, got {value!r}")
    return [pathlib.Path(part).expanduser() for part in value]


def _named(path, name):
    found = None if path.exists() else re.fullmatch(rf"({name})=(.+)", str(path))
    return (found[1], pathlib.Path(found[2]).expanduser()) if found else ("", path)
