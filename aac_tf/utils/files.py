"""Paths of local and remote files."""

import pathlib

from aac_tf.utils.remote import FileSystemError, RemotePath, is_url, load_file_system
from aac_tf.utils.web import WebPath

__all__ = [
    "UNFINISHED",
    "FileSystemError",
    "RemotePath",
    "check_new_folder",
    "file_path",
    "is_url",
    "list_names",
    "load_file_system",
    "local_path",
]

UNFINISHED = ".unfinished-"  # names of folders that are not complete begin with it


def file_path(name):
    """Makes a path that has the methods of `pathlib.Path` which datasets, stores and runs need.

    Args:
        name: str or path-like.

    Returns:
        `RemotePath` for a URL, otherwise `pathlib.Path`.

    Example:
        >>> from aac_tf.utils.files import file_path
        >>> str(file_path("s3://bucket/clips") / "dog.wav")
        's3://bucket/clips/dog.wav'
        >>> type(file_path("train.csv")).__name__ != "RemotePath"
        True
    """
    if str(name).startswith(("http://", "https://")):
        return WebPath(str(name))
    return RemotePath(str(name)) if is_url(name) else pathlib.Path(name)


def local_path(name):
    """Makes the `pathlib.Path` of something that can only be written to this machine.

    Raises:
        FileSystemError: if it is a URL.
    """
    if is_url(name):
        raise FileSystemError(
            f"{name} cannot be written directly: write to a folder on this machine, and copy it there"
        )
    return pathlib.Path(name)


def check_new_folder(path):
    """Checks that a folder to write does not exist yet, or is empty except for what an interrupted process left.

    Raises:
        FileExistsError: if it holds files.
        FileSystemError: if it is a URL.
    """
    path = local_path(path)
    if path.exists() and not (path.is_dir() and all(file.name.startswith(UNFINISHED) for file in path.iterdir())):
        raise FileExistsError(f"{path} exists: choose another folder, or delete it")


def list_names(folder):
    """Lists the names of the files in a folder; none if there is no such folder.

    For a remote folder, this includes its subfolders: telling them apart would take a request for each name.

    Args:
        folder: path from `file_path`.
    """
    if isinstance(folder, RemotePath):
        return [path.name for path in folder.iterdir()]
    return [path.name for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
