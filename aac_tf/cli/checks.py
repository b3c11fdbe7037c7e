"""Checks of what a command is given: of run folders, models, files and outputs, before TensorFlow is imported.

TensorFlow takes seconds to import, which is too long to wait to be told of a typing error.
"""

import collections
import glob
import os
import pathlib
import re
import shlex


def check_runs(folders, overrides=(), rerank=None):
    """Checks several runs as `check_run` does.

    Args:
        folders: list of str, what `--run` takes, or of `Run`.
        overrides: list of str `section.key=value`; those of `decoding` apply to the first run only.
        rerank: str, what `--rerank` takes, or a `Run`; None if it is not used.

    Returns:
        `Config` of the first run.
    """
    config = check_run(folders[0], overrides)
    others = [override for override in overrides if not override.startswith("decoding.")]
    for folder in [*folders[1:], *([] if rerank is None else [rerank])]:
        check_run(folder, others)
    return config


def check_run(folder, overrides=()):
    """Checks that there is a trained run that can be used with config overrides.

    Args:
        folder: str, what `--run` takes, or a `Run`.
        overrides: list of str `section.key=value`.

    Returns:
        `Config` of the run.

    Raises:
        RunError: if it holds no run, or the run has no weights yet.
        ConfigError: if an override is invalid, or its key cannot change after training.
        StyleError: if the run does not have the style.
        ConstraintError: if it does not know a word of the constraints, or no caption can follow them.
    """
    from aac_tf.decoding.constraints import Constraints
    from aac_tf.runs.fetch import open_run
    from aac_tf.text.styles import check_style, find_styles

    run = open_run(folder)
    config = run.config(overrides)
    run.check_trained()
    words = run.vocabulary()
    check_style(config.decoding.style, find_styles(words))
    Constraints.from_options(vars(config.decoding)).rules(words, config.vocabulary.max_words)
    return config


def missing_files(paths):
    """Finds the sound files that a command cannot read, without decoding any.

    Args:
        paths: list of str, paths of sound files; `-` is standard input, and URLs are not looked up.

    Returns:
        `{path: reason}` of those that do not exist or are folders.

    Example:
        >>> from aac_tf.cli.checks import missing_files
        >>> missing_files(["-", "s3://bucket/dog.wav", "missing.wav", "."])
        {'missing.wav': 'no such file', '.': 'a directory, not a file: give its files, such as ./*.wav'}
    """
    local = [path for path in paths if path != "-" and "://" not in path]
    folders = {path: _advice_on_folder(path) for path in local if os.path.isdir(path)}
    # A dangling link is missing. For a file in a folder that may not be searched, reading says what is wrong.
    missing = {path: _advice_on_missing(path) for path in local if _is_missing(path)}
    return {path: {**folders, **missing}[path] for path in local if path in folders or path in missing}


def _advice_on_folder(folder):
    """What to write instead of a folder: a shell pattern with the ending that most of its sound files have."""
    from aac_tf.labelling.recordings import ENDINGS

    try:
        endings = collections.Counter(pathlib.PurePath(name).suffix for name in os.listdir(folder))
    except OSError:
        endings = collections.Counter()
    known = [ending for ending in endings if ending.lower() in ENDINGS]
    ending = max(known, key=endings.get, default=".wav")
    return f"a directory, not a file: give its files, such as {shlex.quote(folder.rstrip('/') or '/')}/*{ending}"


def _advice_on_missing(path):
    """The reason; for a pattern that matches files, also that quotes kept the shell from expanding it."""
    if glob.has_magic(path) and next(glob.iglob(path), None) is not None:
        return "no such file; it is a pattern of files: leave its wildcards outside quotes"
    return "no such file"


def _is_missing(path):
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        pass
    return False


def check_output_file(path):
    """Raises `OSError` if a file cannot be written: it is a folder, or its folder cannot be created."""
    path = pathlib.Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected the name of a file to write")
    check_output_folder(path.parent)


def check_picture(path):
    """Checks as `check_output_file` does that a picture can be written.

    Raises:
        ValueError: if Matplotlib writes no pictures of this kind.
        FileSystemError: if it is a URL.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from aac_tf.utils.files import local_path

    local_path(path)
    known = sorted(FigureCanvasAgg.get_supported_filetypes())
    if pathlib.Path(path).suffix.lower().lstrip(".") not in known and not os.path.isdir(path):
        raise ValueError(f"{path}: expected the name of a picture, such as attention.png ({', '.join(known)})")
    check_output_file(path)


def check_no_override(files):
    """Raises `ValueError` if a file that does not exist looks like an override without the section of its key."""
    for name in files:
        if re.fullmatch(r"\w+=[^/.]*", name) and not os.path.exists(name):
            raise ValueError(f"{name} is neither a file nor section.key=value, such as decoding.beam_size=3")


def check_output_folder(path):
    """Raises `OSError` if a folder can neither be written to nor be created."""
    path = pathlib.Path(path)
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not existing.is_dir():
        raise NotADirectoryError(f"{existing} is a file; expected a folder to write to")
    if not os.access(existing, os.W_OK):
        raise PermissionError(f"{existing} is not writable")


def check_new_output_folder(path):
    """Raises `OSError` if a folder exists and is not empty, or cannot be created."""
    from aac_tf.utils.files import check_new_folder

    check_new_folder(path)
    check_output_folder(path)


def check_model(folder):
    """Raises `FileNotFoundError` if a local folder holds no exported model."""
    places = (glob.escape(folder), os.path.join(glob.escape(folder), "*"))
    if "://" not in folder and not any(glob.glob(os.path.join(place, "saved_model.pb")) for place in places):
        raise FileNotFoundError(f"{folder} holds no SavedModel: write one with aac-export --run RUN --output {folder}")


def check_files(patterns, lists=()):
    """Checks the local ones of the patterns and lists that `aac_tf.many.find_files` takes.

    Raises:
        ValueError: if there are none.
        FileNotFoundError: if a pattern matches no file, or a list does not exist.
    """
    if not patterns and not lists:
        raise ValueError("no files to caption: give paths, patterns, or a list with --list")
    for pattern in patterns:
        if "://" in pattern or not glob.has_magic(pattern) or os.path.exists(pattern):
            continue
        if next(glob.iglob(pattern, recursive=True), None) is None:
            raise FileNotFoundError(f"no file matches {pattern!r}")
    for name in lists:
        if "://" not in name and not os.path.isfile(name):
            raise FileNotFoundError(f"no such list of files: {name}")
