"""Finding the files to caption, from paths, patterns and lists of paths."""

import glob
import os

import tensorflow as tf

from aac_tf.utils.files import is_url, load_file_system


def find_files(patterns=(), lists=()):
    """Finds files, on this machine or in any file system of `tf.io.gfile`, such as `gs://`.

    Args:
        patterns: iterable of str, paths or patterns such as `clips/**/*.wav`. An existing path is not taken as a
            pattern, and a path that does not exist is kept, as captioning reports it. `**` works only for local files.
        lists: iterable of str, text files with one path per line; paths are taken literally, and empty lines skipped.

    Returns:
        list of str, sorted, without duplicates; `./a.wav` and `a.wav` are the same file.

    Raises:
        FileNotFoundError: if a pattern matches no file, or a list does not exist.
        OSError: if a list cannot be read.

    Example:
        >>> from aac_tf.many import find_files
        >>> find_files(["b.wav", "./a.wav", "a.wav"])
        ['a.wav', 'b.wav']
    """
    paths = set()
    for pattern in patterns:
        found = _matches(pattern)
        if not found:
            raise FileNotFoundError(f"no file matches {pattern!r}")
        paths.update(map(_normalize, found))
    for name in lists:
        paths.update(_normalize(line) for line in _lines(name) if line.strip())
    return sorted(paths)


def _matches(pattern):
    if not glob.has_magic(pattern):
        return [pattern]
    load_file_system(pattern)
    if tf.io.gfile.exists(pattern):
        return [pattern]
    if is_url(pattern):
        return tf.io.gfile.glob(pattern)
    return [path for path in glob.iglob(pattern, recursive=True) if not os.path.isdir(path)]


def _lines(name):
    load_file_system(name)
    try:
        with tf.io.gfile.GFile(name, "rb") as file:
            # Keeps names that are not UTF-8, as patterns do; captioning reports them.
            return file.read().decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"no such list of files: {name}") from error
    except tf.errors.OpError as error:
        raise OSError(f"cannot read the list of files {name}: {error.message}") from error


def _normalize(path):
    return path if "://" in path else os.path.normpath(path)
