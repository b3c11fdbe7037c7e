"""The record of a captioned clip, and reading such records from CSV files."""

import csv
import dataclasses
import pathlib
import re
from typing import List

from aac_tf.errors import AacError


class DatasetError(AacError, ValueError):
    """A dataset that is not where, or not of the form, that it should be."""


@dataclasses.dataclass(frozen=True)
class Clip:
    """One sound file and what people wrote about it.

    Attributes:
        name: the file's name in the dataset, under which predictions and references are matched.
        path: where the file is.
        captions: its captions; an unlabelled clip has none.
    """

    name: str
    path: str
    captions: List[str]


@dataclasses.dataclass
class ClipList:
    """The clips of one split, and those that had to be left out, with the reason."""

    clips: List[Clip]
    left_out: List[tuple] = dataclasses.field(default_factory=list)

    def __len__(self):
        return len(self.clips)

    def __iter__(self):
        return iter(self.clips)

    def __getitem__(self, index):
        return self.clips[index]


def read_rows(path, required):
    """Reads a CSV file as a list of dicts.

    Args:
        path: CSV file in UTF-8, with a header.
        required: column names that must be there.

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
        raise DatasetError(f"{path} is not a CSV file in UTF-8: {error}") from error
    missing = [name for name in required if name not in (reader.fieldnames or [])]
    if missing:
        raise DatasetError(f"{path} has no column {', '.join(missing)}; its columns are {reader.fieldnames}")
    return rows


def read_captions(path):
    """Captions of a CSV file with `file_name` and either `caption_1` ... `caption_n` or `caption`.

    A file name may have several rows with `caption`; their captions are joined in order.

    Returns:
        dict of file name to list of captions; names are kept to the letter, leading spaces included.

    Raises:
        DatasetError: as `read_rows`, or if there is no caption column.
    """
    rows = read_rows(path, ["file_name"])
    columns = [name for name in (rows[0] if rows else {}) if re.fullmatch(r"caption_\d+", name or "")] or ["caption"]
    if rows and columns == ["caption"] and "caption" not in rows[0]:
        raise DatasetError(f"{path} has no captions: it needs `caption` or `caption_1`, ..., found {list(rows[0])}")
    captions = {}
    for row in rows:
        found = [row[name].strip() for name in columns if row.get(name) and row[name].strip()]
        captions.setdefault(row["file_name"], []).extend(found)
    return captions


def match_audio(captions, folder, audio_needed=True, report_uncaptioned=False):
    """Pairs captions with the files of a folder.

    Args:
        captions: dict of file name to list of captions.
        folder: where the files are.
        audio_needed: whether a clip whose file is missing is left out; without, the captions alone make a clip.
        report_uncaptioned: whether a file of the folder that has no captions counts as left out.

    Returns:
        A `ClipList` in the order of `captions`; clips without audio, audio without captions are in `left_out`.
    """
    folder = pathlib.Path(folder)
    files = {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
    clips, left_out = [], []
    for name, texts in captions.items():
        # A name may hold sub-folders, which the listing above does not.
        if audio_needed and name not in files and not (folder / name).is_file():
            left_out.append((name, f"no such file in {folder}"))
        elif not texts:
            left_out.append((name, "has no captions"))
        else:
            clips.append(Clip(name, str(folder / name), texts))
    if report_uncaptioned and audio_needed:
        sounds = (".wav", ".flac", ".ogg", ".mp3")
        without = sorted(name for name in files - set(captions) if name.lower().endswith(sounds))
        left_out.extend((name, "has no captions") for name in without)
    return ClipList(clips, left_out)
