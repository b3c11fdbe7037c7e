"""CSV files of captions."""

import csv
import re

from aac_tf.datasets.errors import DatasetError


def read_rows(path, required):
    """Reads a CSV file.

    Args:
        path: path of a UTF-8 file with a header.
        required: names of the columns it must have.

    Returns:
        list of dict, one per row, from column name to value.

    Raises:
        DatasetError: if the file cannot be read or lacks a column.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is not a UTF-8 CSV file: {error}") from error
    missing = [name for name in required if name not in (reader.fieldnames or [])]
    if missing:
        raise DatasetError(f"{path} has no column {', '.join(missing)}; its columns are {reader.fieldnames}")
    return rows


def read_captions(path):
    """Reads captions from columns `caption_1` ... `caption_n`, or from `caption` with one caption per row.

    Args:
        path: path of a CSV file with a column `file_name`.

    Returns:
        dict of file name to list of captions, in the order of the file. Rows of the same file are merged. File names
        are kept exactly, including leading spaces; empty captions are dropped.

    Raises:
        DatasetError: if the file cannot be read, or lacks `file_name` or a caption column.
    """
    rows = read_rows(path, ["file_name"])
    columns = [name for name in (rows[0] if rows else {}) if re.fullmatch(r"caption_\d+", name or "")] or ["caption"]
    if rows and columns == ["caption"] and "caption" not in rows[0]:
        raise DatasetError(
            f"{path} has no captions: expected a column caption, or caption_1, caption_2, ...; its columns are "
            f"{list(rows[0])}"
        )
    captions = {}
    for row in rows:
        found = [row[name].strip() for name in columns if row.get(name) and row[name].strip()]
        captions.setdefault(row["file_name"], []).extend(found)
    return captions
