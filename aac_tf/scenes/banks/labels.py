"""The tables that label the recordings of banks, and which of the recordings belong together."""

from __future__ import annotations

import dataclasses
import itertools
import os
import pathlib
import re
from collections.abc import Iterable, Sequence

from aac_tf.datasets import DatasetError
from aac_tf.datasets.csv_files import read_rows
from aac_tf.scenes.wording import canonical_category

# ESC-10: 1-29561-A; ESC-50: 1-29561-A-10. The takes A, B, ... are cut from one recording, whose id is the Freesound id.
_TAKE = re.compile(r"(?P<recording>.+)-[A-Z](?:-\d+)?")
ENOUGH = 20  # recordings of a category, which then needs no others to stand in for it
_NEIGHBOURS = 2  # numbers at most this far apart may be pieces of one recording
_RUN = 4  # a longer run of such numbers is divided into pieces of at least this many files


@dataclasses.dataclass(frozen=True)
class Recording:
    """A row of a bank's table.

    Args:
        name: name of the file, unique in the bank.
        category: what sounds.
        path: path of the file; None if there is none.
        folder: number of the bank's folder.
        file_name: name in the table.
        source: collection that the file comes from; None if the table does not say.
        fold: number of the fold; None if the table has none.
        group: name of what must stay together, or of the recording of another folder that this one was made from
            ("ESC-50/1-100032-A-0.wav"); None if the table has none.
        licence: its licence; None if the table does not say.
        drawn: AudioSet class of the embeddings to draw where the sound only stands in for its category; None if it is
            one of the category.
    """

    name: str
    category: str
    path: pathlib.Path | None = None
    folder: int = 0
    file_name: str = ""
    source: str | None = None
    fold: str | None = None
    group: str | None = None
    licence: str | None = None
    drawn: str | None = None


def read_labels(folders: Sequence[pathlib.Path], stand_ins: bool = False) -> tuple[str, list[Recording]]:
    """Reads the tables of one or several folders.

    Args:
        folders: paths of folders with one CSV file each.
        stand_ins: whether to read sounds that only stand in for their category (see `Recording.drawn`), too.

    Returns:
        (names of the tables, for messages; the recordings). With several folders, the name of a recording begins with
        that of its folder.

    Raises:
        DatasetError: if a folder or its table cannot be read, or a folder is named twice.
    """
    tables, recordings = [], []
    for number, folder in enumerate(folders):
        if folder.resolve() in {other.resolve() for other in folders[:number]}:
            raise DatasetError(
                f"{folder} is in the bank twice, and its recordings would be in several splits: name it once"
            )
        table = _find_table(folder)
        tables.append(str(table))
        paths = _find_files(folder)
        prefix = "" if len(folders) == 1 else f"{folder.name}/"
        if any(other.name == folder.name for other in folders[:number]):
            prefix = f"{number + 1}-{prefix}"
        for row in read_rows(table, ["category"]):
            file_name, category = row.get("file_name") or row.get("filename"), canonical_category(row["category"] or "")
            if not (file_name and category):
                raise DatasetError(f"{table} has rows without a file_name (or filename) or category")
            columns = {name: row.get(name) or None for name in ("source", "fold", "group", "licence", "drawn")}
            name, path = f"{prefix}{file_name}", paths.get(file_name)
            if stand_ins or columns["drawn"] is None:
                recordings.append(Recording(name, category, path, number, file_name, **columns))
    return ", ".join(tables), recordings


def related(recordings: Sequence[Recording], by_fold: bool, neighbours: bool) -> list[int]:
    """Finds recordings that may be pieces of one recording.

    Takes of a recording belong together, in all folders (`1-100032-A.ogg` and `1-100032-A-0.ogg` of another folder),
    and so do the files of a `group` and the recording that it names, if any. The other rules are optional.

    Args:
        recordings: rows of a bank's tables.
        by_fold: whether the files of a folder's `fold` belong together.
        neighbours: whether files of a category with neighbouring numbers belong together. This applies to takes, whose
            numbers are upload ids, and to tables with a column `source`. Runs of eight numbers and more are divided
            into several units, since otherwise a collection that is numbered through would be a single one.

    Returns:
        For each recording, the number of its unit.

    Example:
        >>> from aac_tf.scenes.banks.labels import Recording, related
        >>> names = ["1-100-A.wav", "1-100-B.wav", "1-101-A.wav", "1-300-A.wav"]
        >>> rows = [Recording(name, "gong", file_name=name) for name in names]
        >>> related(rows, by_fold=False, neighbours=False), related(rows, by_fold=False, neighbours=True)
        ([0, 0, 2, 3], [0, 0, 0, 3])
    """
    parent = list(range(len(recordings)))

    def root(index):
        while parent[index] != index:
            index = parent[index]
        return index

    first: dict[tuple, int] = {}
    for index, row in enumerate(recordings):
        stem = pathlib.PurePosixPath(row.file_name).stem
        take = _TAKE.fullmatch(stem)
        keys: list[tuple] = [("take", take["recording"]) if take else ("file", row.folder, row.file_name)]
        keys += [("origin", row.name)]
        keys += [("group", row.folder, row.group), ("origin", row.group)] if row.group else []
        keys += [("fold", row.folder, row.fold)] if by_fold and row.fold else []
        for key in keys:
            parent[root(index)] = root(first.setdefault(key, index))
    if neighbours:
        for piece in _numbered_pieces(recordings):
            for index in piece[1:]:
                parent[root(index)] = root(piece[0])
    return [root(index) for index in range(len(recordings))]


def _numbered_pieces(recordings: Sequence[Recording]) -> Iterable[list[int]]:
    """Lists of rows of a category whose numbers are neighbours."""
    numbered: dict[tuple, dict[int, list[int]]] = {}
    for index, row in enumerate(recordings):
        stem = pathlib.PurePosixPath(row.file_name).stem
        take = _TAKE.fullmatch(stem)
        number = re.search(r"(\d+)\D*$", take["recording"] if take else stem)
        if number and (take or row.source) and row.drawn is None:
            # Takes of all folders have one numbering.
            place = "takes" if take else (row.folder, row.source)
            numbered.setdefault((row.category, place), {}).setdefault(int(number[1]), []).append(index)
    for numbers in numbered.values():
        run: list[int] = []
        for upload in [*sorted(numbers), None]:
            if run and (upload is None or upload - run[-1] > _NEIGHBOURS):
                count = max(1, len(run) // _RUN)
                bounds = [len(run) * part // count for part in range(count + 1)]
                for start, end in itertools.pairwise(bounds):
                    yield [index for found in run[start:end] for index in numbers[found]]
                run = []
            if upload is not None:
                run.append(upload)


def _find_files(folder):
    """Paths of all files of a folder, by their path relative to it and by their name."""
    paths = {}
    for place, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for path in (pathlib.Path(place, name) for name in names):
            paths.setdefault(path.name, path)
            paths[path.relative_to(folder).as_posix()] = path
    return paths


def _find_table(folder):
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; expected one with labelled clips and a CSV file")
    tables = sorted(folder.glob("*.csv")) or sorted(folder.glob("*/*.csv"))
    if len(tables) != 1:
        raise DatasetError(
            f"{folder} must hold one CSV file that labels its clips (file_name,category); found {len(tables)}"
        )
    return tables[0]
