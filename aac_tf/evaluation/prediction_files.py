"""Captions in the DCASE challenge's files: predictions, and references in Clotho's columns."""

import re

from aac_tf.datasets.clips import DatasetError, read_captions, read_rows


def read_predictions(path):
    """Reads a CSV of `file_name,caption_predicted`.

    Args:
        path: the file.

    Returns:
        dict of file name to caption, which may be empty.

    Raises:
        DatasetError: if the file cannot be read or lacks a column, or a row is cut short, or a file comes twice.
    """
    rows = _whole_rows(path, ["file_name", "caption_predicted"])
    return {row["file_name"]: row["caption_predicted"] for row in rows}


def read_references(path):
    """Reads a CSV of `file_name,caption_1,caption_2,...`, or of `file_name,caption` with a row a caption.

    Args:
        path: the file.

    Returns:
        dict of file name to list of captions; those left empty do not count.

    Raises:
        DatasetError: as `read_predictions`; or if a file has no caption.
    """
    rows = read_rows(path, ["file_name"])
    if not rows:
        raise DatasetError(f"{path} holds no captions")
    columns = list(rows[0])
    if any(re.fullmatch(r"caption_\d+", column or "") for column in columns):
        _whole_rows(path, ["file_name"])
    elif "caption" not in columns:
        raise DatasetError(f"{path} has no references: expected caption_1, caption_2, ...; its columns are {columns}")
    references = read_captions(path)
    _refuse(path, [name for name, captions in references.items() if not captions], "files without a caption")
    return references


def match_predictions(predictions, references, partial=False, what="the predictions"):
    """Puts predictions into the order of the references.

    Args:
        predictions: dict of file name to caption.
        references: dict of file name to list of captions.
        partial: whether files without a prediction may be left out.
        what: what messages call the predictions.

    Returns:
        dict of file name to caption, and the list of file names left out.

    Raises:
        DatasetError: if a prediction has no references, or the other way round unless `partial`.
    """
    _refuse(what, [name for name in predictions if name not in references], "files that the references do not have")
    missing = [name for name in references if name not in predictions]
    if not partial:
        _refuse(what, missing, "files without a prediction (--partial leaves them out)")
    return {name: predictions[name] for name in references if name in predictions}, missing


def _whole_rows(path, columns):
    """Rows with something in each of the columns and nothing beyond them, each file once."""
    rows = read_rows(path, columns)
    for number, row in enumerate(rows, 1):
        if not row["file_name"] or None in row or any(row[column] is None for column in columns):
            raise DatasetError(f"{path}: row {number} has not as many values as there are columns, or no file name")
    names = [row["file_name"] for row in rows]
    seen = set()
    _refuse(path, [name for name in names if name in seen or seen.add(name)], "files that come twice")
    return rows


def _refuse(where, names, what):
    if names:
        listed = ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")
        raise DatasetError(f"{where}: {len(names)} {what}: {listed}")
