"""Dividing recordings into splits, so that related ones never end up in different splits."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping, Sequence

from aac_tf.datasets import SPLITS

_SHARES = (0.6, 0.2, 0.2)


def split_recordings(
    rows: Sequence[Mapping[str, str | None]],
) -> tuple[dict[str, dict[str, list[str]]], dict[str, str]]:
    """Divides files into train, validation and test.

    Args:
        rows: for each file, its `file_name`, `category`, `fold` and `group`; the last two may be None.

    Returns:
        ({category: {split: file names}}, {category: reason} of the categories that cannot be divided).

    Example:
        >>> from aac_tf.scenes.banks.splits import split_recordings
        >>> names = ["1-A.wav", "1-B.wav", "2-A.wav", "3-A.wav"]
        >>> rows = [{"file_name": name, "category": "gong", "fold": None, "group": None} for name in names]
        >>> split_recordings(rows)[0]["gong"]
        {'train': ['1-A.wav', '1-B.wav'], 'validation': ['2-A.wav'], 'test': ['3-A.wav']}
    """
    folds: dict[str, set] = {}
    for row in rows:
        folds.setdefault(row["category"], set()).add(row["fold"])
    by_fold = bool(folds) and all(len(values - {None}) >= 3 for values in folds.values())
    units = _units(rows, by_fold)
    split_of: dict[int, str] = {}
    by_category: dict[str, dict[int, list[str]]] = {}
    for row, unit in zip(rows, units):
        by_category.setdefault(row["category"], {}).setdefault(unit, []).append(row["file_name"])
    # The categories with the fewest units come first, as they have the fewest ways to be divided.
    for category in sorted(by_category, key=lambda name: (len(by_category[name]), name)):
        members = by_category[category]
        total = sum(map(len, members.values()))
        missing = {split: share * total for split, share in zip(SPLITS, _SHARES)}
        for unit in members:
            if unit in split_of:
                missing[split_of[unit]] -= len(members[unit])
        free = sorted((unit for unit in members if unit not in split_of), key=lambda unit: -len(members[unit]))
        for index, unit in enumerate(free):
            empty = [split for split in SPLITS if not any(split_of.get(other) == split for other in members)]
            choice = empty if len(empty) >= len(free) - index else SPLITS
            split_of[unit] = max(choice, key=lambda split: missing[split])
            missing[split_of[unit]] -= len(members[unit])
    files, left_out = {}, {}
    for category, members in by_category.items():
        divided = {
            split: [name for unit, names in members.items() if split_of[unit] == split for name in names]
            for split in SPLITS
        }
        if all(divided.values()):
            files[category] = divided
        else:
            left_out[category] = f"{len(members)} independent recordings are too few for three splits"
    return files, left_out


def _units(rows, by_fold):
    """Number of each file's unit: files that share a recording, a group or (with `by_fold`) a fold are one unit."""
    parent = list(range(len(rows)))

    def root(index):
        while parent[index] != index:
            index = parent[index]
        return index

    first: dict[tuple, int] = {}
    for index, row in enumerate(rows):
        stem = pathlib.PurePosixPath(row["file_name"]).stem
        take = re.fullmatch(r"(.+)-[A-Z](?:-\d+)?", stem)  # ESC-10: 1-29561-A; ESC-50: 1-29561-A-10
        keys = [("recording", take.group(1) if take else row["file_name"])]
        keys += [("group", row["group"])] if row["group"] else []
        keys += [("fold", row["fold"])] if by_fold and row["fold"] else []
        for key in keys:
            parent[root(index)] = root(first.setdefault(key, index))
    return [root(index) for index in range(len(rows))]
