"""Which files are to be captioned: paths, patterns and lists of paths, each file once."""

import glob
import os

import tensorflow as tf


def find_files(patterns=(), lists=()):
    """Looks for files, here or wherever `tf.io.gfile` reads, such as `gs://`.

    Args:
        patterns: iterable of str; paths, or patterns such as `clips/**/*.wav`. A path that exists is no pattern, and
            one that does not is kept: that it is missing is said in its line. `**` is understood of local folders.
        lists: iterable of str, text files with a path a line, taken as it is; empty lines are passed over.

    Returns:
        list of str, sorted, without repetitions; `./a.wav` and `a.wav` are one file.

    Raises:
        FileNotFoundError: if a pattern matches nothing, or a list is not there.
    """
    paths = set()
    for pattern in patterns:
        found = _matches(pattern)
        if not found:
            raise FileNotFoundError(f"no file matches {pattern!r}")
        paths.update(map(_tidy, found))
    for name in lists:
        paths.update(_tidy(line) for line in _lines(name) if line.strip())
    return sorted(paths)


def _matches(pattern):
    if not glob.has_magic(pattern) or tf.io.gfile.exists(pattern):
        return [pattern]
    if "://" in pattern:
        return tf.io.gfile.glob(pattern)
    return [path for path in glob.iglob(pattern, recursive=True) if not os.path.isdir(path)]


def _lines(name):
    try:
        with tf.io.gfile.GFile(name, "rb") as file:
            # A name that is not UTF-8 gets through to its line, as it does from a pattern.
            return file.read().decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"no such list of files: {name}") from error


def _tidy(path):
    return path if "://" in path else os.path.normpath(path)
