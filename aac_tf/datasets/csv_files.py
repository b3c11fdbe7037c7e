"""CSV files of captions."""

import csv
import re

from aac_tf.datasets.errors import DatasetError
from aac_tf.utils.counting import counted
from aac_tf.utils.files import file_path


def read_rows(path, required):
    """Reads a CSV file.

    Args:
        path: path of a UTF-8 file with a header.
        required: names of the columns it must have.

    Returns:
        list of dict, one per row, from column name to value; None for values that a short row lacks. Rows without any
        value are left out.

    Raises:
        DatasetError: if the file cannot be read, has no rows or lacks a column; if a row has more values than the
            header, as an unquoted comma gives; or if a quote is not closed.
    """
    try:
        with file_path(path).open(newline="", encoding="utf-8-sig") as file:
            # Strict, since otherwise an unclosed quote swallows the rest of the file.
            reader = csv.DictReader(file, strict=True)
            columns, rows = reader.fieldnames, list(reader)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not a UTF-8 CSV file: {error}") from error
    except csv.Error as error:
        raise DatasetError(f"{path} is not a UTF-8 CSV file: {error} (is a quote not closed?)") from error
    if not columns:
        raise DatasetError(f"{path} is empty, or its first line is: expected the names of the columns there")
    missing = [name for name in required if name not in columns]
    if missing:
        # As spreadsheets save CSV where a comma is the decimal sign.
        other = next((f": separate them by commas, not by {mark!r}" for mark in ";\t" if mark in columns[0]), "")
        raise DatasetError(f"{path} has no column {', '.join(missing)}; its columns are {columns}{other}")
    for number, row in enumerate(rows, 1):
        _check_row(path, number, row, columns)
    rows = [row for row in rows if any(row.values())]
    if not rows:
        raise DatasetError(f"{path} contains no captions: it has a header, but no rows")
    return rows


def read_captions(path):
    """Reads captions from columns `caption_1` ... `caption_n`, or from `caption` with one caption per row.

    Args:
        path: path of a CSV file with a column `file_name`.

    Returns:
        dict of file name to list of captions, in the order of the file. Rows of the same file are merged. File names
        are kept exactly, including leading spaces; captions without any letter or digit are dropped.

    Raises:
        DatasetError: if the file cannot be read, or lacks `file_name` or a caption column.
    """
    rows = read_rows(path, ["file_name"])
    columns = [name for name in rows[0] if re.fullmatch(r"caption_\d+", name or "")] or ["caption"]
    if columns == ["caption"] and "caption" not in rows[0]:
        raise DatasetError(
            f"{path} has no captions: expected a column caption, or caption_1, caption_2, ...; its columns are "
            f"{list(rows[0])}"
        )
    captions = {}
    for number, row in enumerate(rows, 1):
        if not row["file_name"]:
            raise DatasetError(f"{path}: row {number} has no file name")
        captions.setdefault(row["file_name"], []).extend(filter(None, (spoken(row[name]) for name in columns)))
    return captions


def read_styles(path):
    """Reads the styles of the clips from a column `style`, if there is one.

    Args:
        path: path of a CSV file for `read_captions`.

    Returns:
        dict of file name to style, without clips whose style is empty.

    Raises:
        DatasetError: if the file cannot be read, or rows of one file name have different styles.
    """
    styles = {}
    for row in read_rows(path, ["file_name"]):
        style = (row.get("style") or "").strip()
        if styles.setdefault(row["file_name"], style) != style:
            raise DatasetError(
                f"{path}: the captions of {row['file_name']} have different styles, {styles[row['file_name']]!r} and "
                f"{style!r}; a clip has one style: list it under several file names"
            )
    return {name: style for name, style in styles.items() if style}


def spoken(caption):
    """A caption without spaces around it; empty if it has no letter or digit, such as `.`, or if it is None."""
    caption = (caption or "").strip()
    return caption if re.search(r"[^\W_]", caption) else ""


def _check_row(path, number, row, columns):
    if None in row:
        raise DatasetError(
            f"{path}: row {number} must have a file name and one value per column, but it has "
            f"{len(columns) + len(row[None])} values for {counted(len(columns), 'column')}; a value with a comma "
            "needs quotes"
        )
    for value in row.values():
        # A quote that is closed by the one of a later row.
        if value and any(line.count(",") >= len(columns) - 1 > 0 for line in value.splitlines()[1:]):
            raise DatasetError(
                f"{path}: row {number} has a value of several lines that look like rows (is a quote not closed?): "
                f"{value[:60]!r}"
            )
