"""Captions files: predictions in the format of the DCASE challenge, references in the format of Clotho."""

import json
import pathlib
import re

from aac_tf.datasets import DatasetError
from aac_tf.datasets.audiocaps import COLUMNS, clip_stems, match_stem, read_clip_captions
from aac_tf.datasets.csv_files import read_captions, read_rows
from aac_tf.utils.files import file_path


def read_candidates(path):
    """Reads one or several captions per file, best first.

    The file is one of these:

    - CSV with the columns `file_name` and `caption_predicted`; further captions are in the columns
      `caption_predicted_2`, `caption_predicted_3`, ..., where they may be missing.
    - JSON lines as `aac-caption --json` prints them and `aac-caption-many` writes them, with `file`, `caption` and
      `alternatives`; lines with an `error` are skipped. The name of a file is its path as written there. The suffix of
      `path` is `.jsonl` or `.json`.

    Args:
        path: path of the file.

    Returns:
        `{file name: [caption, ...]}`; the first caption may be empty.

    Raises:
        DatasetError: if the file cannot be read, a column is missing, a row or line is incomplete or a file name is
            repeated.
    """
    if pathlib.PurePath(path).suffix.lower() in (".jsonl", ".json"):
        return _read_lines(path)
    rows = _whole_rows(path, ["file_name", "caption_predicted"])
    further = [column for column in rows[0] if re.fullmatch(r"caption_predicted_\d+", column or "")]
    further.sort(key=lambda column: int(column.rsplit("_", 1)[1]))
    return {
        row["file_name"]: [
            row["caption_predicted"],
            *(row[column] for column in further if (row[column] or "").strip()),
        ]
        for row in rows
    }


def _read_lines(path):
    try:
        with file_path(path).open(encoding="utf-8-sig") as file:
            lines = list(file)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not a UTF-8 file: {error}") from error
    found, repeated = {}, []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            name = entry["file"]
            _parts(name)  # raises if it is not a string
            if "error" in entry:
                continue
            captions = [entry["caption"], *(other["caption"] for other in entry.get("alternatives") or ())]
            " ".join(captions)  # raises if one of them is not a string
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(
                f"{path}: line {number} must be a JSON object with file and caption, as aac-caption --json prints it"
            ) from error
        repeated += [name] if name in found else []
        found[name] = captions
    if not found:
        raise DatasetError(f"{path} contains no captions")
    _refuse(path, repeated, "repeated file names")
    return found


def read_references(path, names=()):
    """Reads a CSV file with the columns `file_name,caption_1,caption_2,...`, `file_name,caption`, or AudioCaps' own.

    In the last two forms a file may have several rows, one per caption.

    Args:
        path: path of the file.
        names: names of the predicted files. AudioCaps' layout has no file names: a clip gets the name among these that
            matches it, without its folder, or else `ID_START`.

    Returns:
        `{file name: [caption, ...]}`, without empty captions.

    Raises:
        DatasetError: as `read_candidates`, or if a file has no caption.
    """
    rows = read_rows(path, [])
    columns = list(rows[0])
    if "file_name" not in columns and set(COLUMNS) <= set(columns):
        references = _named_clips(read_clip_captions(path), names)
        _refuse(path, [name for name, captions in references.items() if not captions], "files without a caption")
        return references
    read_rows(path, ["file_name"])  # raises if there is none
    if any(re.fullmatch(r"caption_\d+", column or "") for column in columns):
        _whole_rows(path, ["file_name"])
    elif "caption" not in columns:
        raise DatasetError(f"{path} has no references: expected columns caption_1, caption_2, ..., found {columns}")
    references = read_captions(path)
    _refuse(path, [name for name, captions in references.items() if not captions], "files without a caption")
    return references


def _named_clips(clips, names):
    """Captions by file name, from those by video and start."""
    by_stem = {}
    for name in names:
        for stem in match_stem(name):
            by_stem.setdefault(stem, _parts(name)[-1])
    references = {}
    for (video, start), captions in clips.items():
        stem = next((stem for stem in clip_stems(video, start) if stem in by_stem), None)
        references[f"{video}_{start}" if stem is None else by_stem[stem]] = captions
    return references


def match_predictions(predictions, references, partial=False, what="the predictions"):
    """Matches predictions with references by file name.

    Args:
        predictions: `{file name: caption}`; file names as `name_as_references` takes them.
        references: `{file name: [caption, ...]}`.
        partial: bool, whether to skip files without a prediction instead of raising an error.
        what: str, the name of the predictions in error messages.

    Returns:
        matched: `{file name: caption}`, with the names and in the order of the references.
        missing: list of file names without a prediction.

    Raises:
        DatasetError: if a prediction has no references or, unless `partial`, references have no prediction, or
            several predictions are of one file.
    """
    predictions = name_as_references(predictions, references, what)
    _refuse(what, [name for name in predictions if name not in references], "files that are not in the references")
    missing = [name for name in references if name not in predictions]
    if not partial:
        _refuse(what, missing, "files without a prediction (--partial skips them)")
    return {name: predictions[name] for name in references if name in predictions}, missing


def name_as_references(predictions, references, what="the predictions"):
    """Renames predictions as their references, which may be in another folder or without any.

    `/data/park/dog.wav` gets the name of the reference `park/dog.wav` or `dog.wav`, and `dog.wav` that of
    `park/dog.wav` unless another folder has a `dog.wav`, too.

    Args:
        predictions: `{file name: caption}`; file names may be paths.
        references: dict whose keys are the file names of the references.
        what: str, the name of the predictions in error messages.

    Returns:
        `{file name: caption}`; predictions without references keep their names.

    Raises:
        DatasetError: if several predictions are of one file.

    Example:
        >>> from aac_tf.evaluation.prediction_files import name_as_references
        >>> name_as_references({"/data/park/dog.wav": "a dog barks"}, {"park/dog.wav": ["a dog is barking"]})
        {'park/dog.wav': 'a dog barks'}
    """
    by_last = {}
    for name in references:
        by_last.setdefault(_parts(name)[-1], []).append(name)
    renamed, repeated = {}, []
    for name, caption in predictions.items():
        known = name if name in references else _reference_of(name, by_last.get(_parts(name)[-1], ()))
        repeated += [name] if known in renamed else []
        renamed[known] = caption
    _refuse(what, repeated, "more predictions of files that have one already")
    return renamed


def _reference_of(name, references):
    """The reference whose path shares the longest ending with `name`, if there is exactly one; otherwise `name`."""
    parts, found = _parts(name), {}
    for reference in references:
        others = _parts(reference)
        length = min(len(parts), len(others))
        if parts[-length:] == others[-length:]:
            found.setdefault(length, []).append(reference)
    longest = found[max(found)] if found else []
    return longest[0] if len(longest) == 1 else name


def _parts(path):
    """The folders and the name in a path of any system."""
    return [part for part in re.split(r"[/\\]", path) if part not in ("", ".")] or [path]


def _whole_rows(path, columns):
    """Rows of a CSV file, checked to be complete and to name each file once."""
    rows = read_rows(path, columns)
    for number, row in enumerate(rows, 1):
        if not row["file_name"] or None in row or any(row[column] is None for column in columns):
            raise DatasetError(f"{path}: row {number} must have a file name and one value per column")
    names = [row["file_name"] for row in rows]
    seen = set()
    _refuse(path, [name for name in names if name in seen or seen.add(name)], "repeated file names")
    return rows


def _refuse(where, names, what):
    if names:
        listed = ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")
        raise DatasetError(f"{where}: {len(names)} {what}: {listed}")
