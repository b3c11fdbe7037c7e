"""A bank of recordings in a folder."""

from __future__ import annotations

import concurrent.futures
import hashlib
import logging
import os
import pathlib
import typing
from collections.abc import Callable

import numpy as np

from aac_tf.datasets import SPLITS, DatasetError
from aac_tf.datasets.csv_files import read_rows
from aac_tf.scenes.banks.base import Bank
from aac_tf.scenes.banks.splits import split_recordings
from aac_tf.scenes.waveforms import fade, trim_silence
from aac_tf.scenes.wording import canonical_category

logger = logging.getLogger(__name__)


class FolderBank(Bank):
    """A bank of the labelled recordings in a folder, such as ESC-50.

    About 60, 20 and 20 % of each category's files become its train, validation and test sounds. Files that belong
    together stay together: those of a `group`; the takes of a recording (`1-29561-A.ogg`, `1-29561-B.ogg`); and those
    of a `fold`, unless a category has fewer than three folds, which do not suffice for three splits.

    Args:
        folder: path of a folder with one CSV file (columns `file_name` or `filename`, `category`, optionally `fold` and
            `group`) and the sound files, in any subfolders.
        sample_rate: Hz to resample the files to.
        progress: optional function `(done, total)`, called for each file read.

    Attributes:
        skipped: {file name: reason} of files that cannot be used.
        left_out: {category: reason} of categories with too few recordings for three splits.

    Raises:
        DatasetError: if the folder or its CSV file cannot be read, or no category is left.

    Example:
        >>> from aac_tf.scenes.banks import FolderBank
        >>> FolderBank("ESC-50").categories[:3]  # doctest: +SKIP
        ('airplane', 'alarm', 'baby cry')
    """

    kind = "folder"

    def __init__(
        self,
        folder: str | pathlib.Path,
        sample_rate: int = 16000,
        progress: Callable[[int, int], None] | None = None,
    ):
        self.folder = pathlib.Path(folder)
        table, rows = _read_labels(self.folder)
        self.skipped: dict[str, str] = {}
        self._clips: dict[str, np.ndarray] = {}
        self._load({row["file_name"] for row in rows}, sample_rate, progress)
        if self.skipped:
            named = "; ".join(f"{name}: {reason}" for name, reason in self.skipped.items())
            logger.warning("skipped %d of %d clips of %s: %s", len(self.skipped), len(rows), self.folder, named)
        self._files, self.left_out = split_recordings([row for row in rows if row["file_name"] in self._clips])
        if self.left_out:
            logger.warning("left out categories of %s: %s", self.folder, self.left_out)
        if not self._files:
            raise DatasetError(
                f"{table} has no category with clips for all of {', '.join(SPLITS)}; a category needs at least three "
                f"independent recordings ({len(self.skipped)} clips were skipped)"
            )
        super().__init__(self._files, sample_rate)

    def _load(self, names, sample_rate, progress):
        from aac_tf.audio import AudioError, load_audio  # imports TensorFlow, which synthetic banks do not need

        paths = _find_files(self.folder)

        def read(name):
            if name not in paths:
                return "no such file"
            try:
                waveform = np.asarray(load_audio(str(paths[name]), sample_rate)[0], dtype=np.float32)
            except AudioError as error:
                return error.reason
            waveform = trim_silence(waveform, sample_rate)
            # float16 halves the memory, and its rounding noise is 66 dB below the peak.
            return (waveform / np.abs(waveform).max()).astype(np.float16) if waveform.size else "only silence"

        names = sorted(names)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for done, (name, found) in enumerate(zip(names, pool.map(read, names)), 1):
                if progress:
                    progress(done, len(names))
                (self.skipped if isinstance(found, str) else self._clips)[name] = found

    def files(self, category: str, split: str) -> list[str]:
        """Names of the files of a category in a split."""
        return list(self._files[category][split])

    def clip(self, category: str, split: str, rng: np.random.Generator, seconds: float | None = None) -> np.ndarray:
        """Draws a recording, as `Bank.clip` says; sustained sounds are looped, with cross-fades, to the length."""
        files = self._files[category][split]
        waveform = self._clips[files[rng.integers(len(files))]].astype(np.float32)
        if seconds is not None:
            n = max(1, round(seconds * self.sample_rate))
            if category in self.sustained:
                waveform = _loop(waveform, n, self.sample_rate, rng)
            waveform = waveform[:n]
        return fade(trim_silence(waveform, self.sample_rate), self.sample_rate)

    def describe(self) -> dict[str, typing.Any]:
        digest = hashlib.sha256()
        for category, split in ((c, s) for c in self.categories for s in SPLITS):
            for name in self._files[category][split]:
                digest.update(f"{category}/{split}/{name}\n".encode())
                digest.update(self._clips[name].tobytes())
        return {**super().describe(), "clips": len(self._clips), "digest": digest.hexdigest()}


def _loop(waveform, n, rate, rng):
    """Loops a clip from a random position on, with a cross-fade from its end to its beginning."""
    blend = min(len(waveform) // 4, int(0.1 * rate))
    ramp = np.sqrt(np.linspace(0, 1, blend, dtype=np.float32))
    ring = waveform[: len(waveform) - blend].copy()
    ring[:blend] = ring[:blend] * ramp + waveform[len(waveform) - blend :] * ramp[::-1]
    return np.take(ring, np.arange(n) + rng.integers(len(ring)), mode="wrap")


def _find_files(folder):
    """Paths of all files of a folder, by their path relative to it and by their name."""
    paths = {}
    for place, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for path in (pathlib.Path(place, name) for name in names):
            paths.setdefault(path.name, path)
            paths[path.relative_to(folder).as_posix()] = path
    return paths


def _read_labels(folder):
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; expected one with labelled clips and a CSV file")
    tables = sorted(folder.glob("*.csv")) or sorted(folder.glob("*/*.csv"))
    if len(tables) != 1:
        raise DatasetError(
            f"{folder} must hold one CSV file that labels its clips (file_name,category); found {len(tables)}"
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
        raise DatasetError(f"{tables[0]} has rows without a file_name (or filename) or category")
    return tables[0], rows
