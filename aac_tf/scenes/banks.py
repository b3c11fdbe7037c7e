"""Banks of labelled sounds: synthesized ones, and any folder of labelled clips."""

from __future__ import annotations

import concurrent.futures
import hashlib
import logging
import os
import pathlib
import re
from typing import Dict, List, Optional, Tuple, Union

import numpy as np

from aac_tf.datasets.clips import DatasetError, read_rows
from aac_tf.scenes.language import canonical_category, wording
from aac_tf.scenes.synthesis import SYNTHETIC_CATEGORIES, fade, synthesize, trim_silence

logger = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")
_SHARES = (0.6, 0.2, 0.2)


class SyntheticBank:
    """Bank of the sounds that `synthesize` makes: no two clips are the same, and no split can draw another's.

    Args:
        categories: categories to offer; None: all of `SYNTHETIC_CATEGORIES`.
        sample_rate: samples a second.

    Attributes:
        categories: tuple of category names.
        sustained: those that may lie behind others for the length of a scene.
    """

    def __init__(self, categories: Optional[List[str]] = None, sample_rate: int = 16000):
        self.categories = tuple(sorted(SYNTHETIC_CATEGORIES if categories is None else categories))
        unknown = sorted(set(self.categories) - set(SYNTHETIC_CATEGORIES))
        if unknown:
            raise ValueError(f"no synthesizer for {', '.join(unknown)}; known: {', '.join(SYNTHETIC_CATEGORIES)}")
        self.sample_rate = sample_rate
        self.sustained = tuple(name for name in self.categories if wording(name).sustained)

    def clip(self, category: str, split: str, rng: np.random.Generator, seconds: Optional[float] = None) -> np.ndarray:
        """One sound of a category for a split.

        Args:
            category: one of `categories`.
            split: "train", "validation" or "test"; it is part of every sound's seed.
            rng: source of the choice.
            seconds: as for `synthesize`.

        Returns:
            Waveform [samples], float32.
        """
        own = np.random.default_rng([SPLITS.index(split), int(rng.integers(2**62))])
        return trim_silence(synthesize(category, own, seconds, self.sample_rate), self.sample_rate)

    def describe(self) -> dict:
        """What identifies the bank's content, for the record beside the scenes made from it."""
        return {"kind": "synthetic", "categories": list(self.categories), "sample_rate": self.sample_rate}


class FolderBank:
    """Bank of the labelled clips of a folder, such as ESC-50.

    The clips of every category are divided about 60/20/20 into train, validation and test. Clips that belong together
    stay together: those of one `group`; the takes of one recording (`1-29561-A.ogg`, `1-29561-B.ogg`); and those of one
    `fold`, unless some category has fewer than three folds, which cannot be divided into three splits.

    Args:
        folder: folder with one CSV file (columns `file_name` or `filename`, `category`, optionally `fold` and `group`)
            and the clips beside it or in a sub-folder.
        sample_rate: samples a second that the clips are resampled to.
        progress: optional function `(done, total)`, of clips that were read.

    Attributes:
        categories: tuple of category names, as the caption table spells them.
        sustained: those that may lie behind others for the length of a scene.
        skipped: {file name: reason} of clips that could not be used.
        left_out: {category: reason} of categories that have too few recordings for three splits.

    Raises:
        DatasetError: if the folder or its CSV cannot be read, or no category is left.
    """

    def __init__(self, folder: Union[str, pathlib.Path], sample_rate: int = 16000, progress=None):
        self.folder = pathlib.Path(folder)
        self.sample_rate = sample_rate
        table, rows = _read_labels(self.folder)
        paths = {}
        for place, folders, names in os.walk(self.folder, followlinks=True):
            folders.sort()
            for path in (pathlib.Path(place, name) for name in names):
                paths.setdefault(path.name, path)
                paths[path.relative_to(self.folder).as_posix()] = path
        self.skipped: Dict[str, str] = {}
        self._clips: Dict[str, np.ndarray] = {}
        self._load({row["file_name"] for row in rows}, paths, progress)
        used = [row for row in rows if row["file_name"] in self._clips]
        if self.skipped:
            named = "; ".join(f"{name}: {reason}" for name, reason in self.skipped.items())
            logger.warning("skipped %d of %d clips of %s: %s", len(self.skipped), len(rows), self.folder, named)
        self._files, self.left_out = _split_clips(used)
        if self.left_out:
            logger.warning("left out categories of %s: %s", self.folder, self.left_out)
        self.categories = tuple(sorted(self._files))
        if not self.categories:
            raise DatasetError(
                f"{table} leaves no category with a clip for each of {', '.join(SPLITS)}; every category needs "
                f"at least three independent recordings (skipped clips: {len(self.skipped)})"
            )
        self.sustained = tuple(name for name in self.categories if wording(name).sustained)

    def _load(self, names, paths, progress):
        from aac_tf.audio import AudioError, load_audio  # here, so that the synthetic bank does not need TensorFlow

        def read(name):
            if name not in paths:
                return "no such file"
            try:
                waveform = np.asarray(load_audio(str(paths[name]), self.sample_rate)[0], dtype=np.float32)
            except AudioError as error:
                return error.reason
            waveform = trim_silence(waveform, self.sample_rate)
            # Half the memory, with 66 dB between the peak and the rounding.
            return (waveform / np.abs(waveform).max()).astype(np.float16) if waveform.size else "nothing but silence"

        names = sorted(names)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for done, (name, found) in enumerate(zip(names, pool.map(read, names)), 1):
                if progress:
                    progress(done, len(names))
                (self.skipped if isinstance(found, str) else self._clips)[name] = found

    def files(self, category: str, split: str) -> List[str]:
        """File names of a category's clips in a split."""
        return list(self._files[category][split])

    def clip(self, category: str, split: str, rng: np.random.Generator, seconds: Optional[float] = None) -> np.ndarray:
        """One clip of a category from a split.

        Args:
            category: one of `categories`.
            split: "train", "validation" or "test".
            rng: source of the choice.
            seconds: longest length wanted; a sustained sound that is shorter is repeated, with cross-fades, to exactly
                this length. None: the clip as it is.

        Returns:
            Waveform [samples], float32, without silence at its ends, with a peak of 1 over the whole clip.
        """
        files = self._files[category][split]
        waveform = self._clips[files[rng.integers(len(files))]].astype(np.float32)
        if seconds is not None:
            n = max(1, round(seconds * self.sample_rate))
            if category in self.sustained:
                waveform = _loop(waveform, n, self.sample_rate, rng)
            waveform = waveform[:n]
        return fade(trim_silence(waveform, self.sample_rate), self.sample_rate)

    def describe(self) -> dict:
        """What identifies the bank's content, for the record beside the scenes made from it."""
        digest = hashlib.sha256()
        for category, split in ((c, s) for c in self.categories for s in SPLITS):
            for name in self._files[category][split]:
                digest.update(f"{category}/{split}/{name}\n".encode())
                digest.update(self._clips[name].tobytes())
        return {
            "kind": "folder",
            "categories": list(self.categories),
            "sample_rate": self.sample_rate,
            "clips": len(self._clips),
            "digest": digest.hexdigest(),
        }


def _loop(waveform, n, rate, rng):
    """Starts at a random place and goes round the clip, cross-fading where its end meets its beginning."""
    blend = min(len(waveform) // 4, int(0.1 * rate))
    ramp = np.sqrt(np.linspace(0, 1, blend, dtype=np.float32))
    ring = waveform[: len(waveform) - blend].copy()
    ring[:blend] = ring[:blend] * ramp + waveform[len(waveform) - blend :] * ramp[::-1]
    return np.take(ring, np.arange(n) + rng.integers(len(ring)), mode="wrap")


def _read_labels(folder):
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder; give one with labelled clips and a CSV file")
    tables = sorted(folder.glob("*.csv")) or sorted(folder.glob("*/*.csv"))
    if len(tables) != 1:
        raise DatasetError(
            f"{folder} must hold one CSV file (file_name,category) that labels its clips; found {len(tables)}"
        )
    rows = [
        {
            "file_name": row.get("file_name") or row.get("filename"),
            "category": canonical_category(row["category"] or ""),
            "fold": row.get("fold"),
            "group": row.get("group"),
        }
        for row in read_rows(tables[0], ["category"])
    ]
    if not all(row["file_name"] and row["category"] for row in rows):
        raise DatasetError(f"{tables[0]} must have file_name (or filename) and category filled in, in every row")
    return tables[0], rows


def _split_clips(rows) -> Tuple[Dict[str, Dict[str, List[str]]], Dict[str, str]]:
    """Divides clips into splits in whole groups, the categories with the fewest groups first."""
    folds: Dict[str, set] = {}
    for row in rows:
        folds.setdefault(row["category"], set()).add(row["fold"])
    by_fold = bool(folds) and all(len(values - {None}) >= 3 for values in folds.values())
    units = _units(rows, by_fold)
    split_of: Dict[int, str] = {}
    by_category: Dict[str, Dict[int, List[str]]] = {}
    for row, unit in zip(rows, units):
        by_category.setdefault(row["category"], {}).setdefault(unit, []).append(row["file_name"])
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
            left_out[category] = f"{len(members)} independent recordings do not fill three splits"
    return files, left_out


def _units(rows, by_fold):
    """Number of the unit each clip belongs to: clips that share a group, a recording or (if asked) a fold are one."""
    parent = list(range(len(rows)))

    def root(index):
        while parent[index] != index:
            index = parent[index]
        return index

    first: Dict[tuple, int] = {}
    for index, row in enumerate(rows):
        stem = pathlib.PurePosixPath(row["file_name"]).stem
        take = re.fullmatch(r"(.+)-[A-Z](?:-\d+)?", stem)  # ESC-10: 1-29561-A; ESC-50: 1-29561-A-10
        keys = [("recording", take.group(1) if take else row["file_name"])]
        keys += [("group", row["group"])] if row["group"] else []
        keys += [("fold", row["fold"])] if by_fold and row["fold"] else []
        for key in keys:
            parent[root(index)] = root(first.setdefault(key, index))
    return [root(index) for index in range(len(rows))]
