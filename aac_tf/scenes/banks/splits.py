"""Dividing recordings into splits, so that related ones never end up in different splits."""

from __future__ import annotations

from collections.abc import Sequence

from aac_tf.datasets import SPLITS
from aac_tf.scenes.banks.labels import Recording, related

_SHARES = (0.6, 0.2, 0.2)
_SHARES_TRAIN_FIRST = (0.8, 0.1, 0.1)
_FOR_VALIDATION, _FOR_TEST = 3, 5  # with fewer independent recordings, a category has none for this split


def split_recordings(
    recordings: Sequence[Recording], train_first: bool = False
) -> tuple[dict[str, dict[str, list[str]]], dict[str, str]]:
    """Divides recordings into train, validation and test.

    Args:
        recordings: rows of a bank's tables.
        train_first: whether training comes first. If not, a category is divided 60/20/20 and needs recordings for all
            three splits. If so, it is divided 80/10/10; with one or two independent recordings it has only training
            recordings, and with three or four it has none for test. Folds are then not kept together, since a few of
            them leave little to train on, but neighbours are (see `related`).

    Sounds that stand in for others (`Recording.drawn`) are for training alone, as scenes to validate and test with are
    heard as they are, and those of a recording of another split are left out.

    Returns:
        ({category: {split: names}}, {category: reason} of the categories that cannot be divided).

    Example:
        >>> from aac_tf.scenes.banks.labels import Recording
        >>> from aac_tf.scenes.banks.splits import split_recordings
        >>> names = ["1-A.wav", "1-B.wav", "2-A.wav", "3-A.wav"]
        >>> rows = [Recording(name, "gong", file_name=name) for name in names]
        >>> split_recordings(rows)[0]["gong"]
        {'train': ['1-A.wav', '1-B.wav'], 'validation': ['2-A.wav'], 'test': ['3-A.wav']}
        >>> split_recordings(rows[:3], train_first=True)[0]["gong"]
        {'train': ['1-A.wav', '1-B.wav', '2-A.wav'], 'validation': [], 'test': []}
    """
    folds: dict[str, set] = {}
    for row in recordings:
        folds.setdefault(row.category, set()).add(row.fold)
    by_fold = not train_first and bool(folds) and all(len(values - {None}) >= 3 for values in folds.values())
    units = related(recordings, by_fold, neighbours=train_first)
    split_of: dict[int, str] = {}
    by_category: dict[str, dict[int, list[str]]] = {}
    for row, unit in ((row, unit) for row, unit in zip(recordings, units) if row.drawn is None):
        by_category.setdefault(row.category, {}).setdefault(unit, []).append(row.name)
    # The categories with the fewest units come first, as they have the fewest ways to be divided.
    for category in sorted(by_category, key=lambda name: (len(by_category[name]), name)):
        members = by_category[category]
        allowed: Sequence[str] = SPLITS
        if train_first and len(members) < _FOR_TEST:
            allowed = SPLITS[:2] if len(members) >= _FOR_VALIDATION else SPLITS[:1]
        total = sum(map(len, members.values()))
        missing = {
            split: share * total for split, share in zip(SPLITS, _SHARES_TRAIN_FIRST if train_first else _SHARES)
        }
        for unit in members:
            if unit in split_of:
                missing[split_of[unit]] -= len(members[unit])
        free = sorted((unit for unit in members if unit not in split_of), key=lambda unit: -len(members[unit]))
        for index, unit in enumerate(free):
            empty = [split for split in allowed if not any(split_of.get(other) == split for other in members)]
            choice = empty if len(empty) >= len(free) - index else allowed
            split_of[unit] = max(choice, key=lambda split: missing[split])
            missing[split_of[unit]] -= len(members[unit])
    files, left_out = {}, {}
    for category, members in by_category.items():
        divided = {
            split: [name for unit, names in members.items() if split_of[unit] == split for name in names]
            for split in SPLITS
        }
        if all(divided.values()) or (train_first and divided["train"]):
            files[category] = divided
        else:
            left_out[category] = f"{len(members)} independent recordings are too few for three splits"
    for row, unit in zip(recordings, units):
        if row.drawn is not None and split_of.get(unit, "train") == "train":
            files.setdefault(row.category, {split: [] for split in SPLITS})["train"].append(row.name)
    return files, left_out
