"""A bank of recordings in a folder."""

from __future__ import annotations

import collections
import concurrent.futures
import hashlib
import logging
import pathlib
import typing
from collections.abc import Callable, Sequence

import numpy as np

from aac_tf.datasets import SPLITS, DatasetError
from aac_tf.scenes.banks.base import Bank
from aac_tf.scenes.banks.labels import ENOUGH, read_labels
from aac_tf.scenes.banks.splits import split_recordings
from aac_tf.scenes.licences import LicenceFilter
from aac_tf.scenes.waveforms import fade, loop, trim_silence
from aac_tf.utils.counting import counted

logger = logging.getLogger(__name__)


class FolderBank(Bank):
    """A bank of the labelled recordings in a folder, such as ESC-50, or in several.

    About 60, 20 and 20 % of each category's files become its train, validation and test sounds. Files that belong
    together stay together: those of a `group`; the takes of a recording (`1-29561-A.ogg`, `1-29561-B.ogg`), also if
    they are in different folders; and those of a `fold`, unless a category has fewer than three folds, which do not
    suffice for three splits. `train_first` divides for scenes that follow scripts.

    Files with a value in the column `drawn` stand in for sounds with no or few recordings. They are used if `stand_ins`
    is set, for training only, and only for categories with fewer than `ENOUGH` other files.

    Args:
        folder: path of a folder with one CSV file (columns `file_name` or `filename`, `category`, optionally `source`,
            `fold`, `group`, `licence` and `drawn`) and the sound files, in any subfolders; or a list of such paths.
        sample_rate: Hz to resample the files to.
        progress: optional function `(done, total)`, called for each file read.
        train_first: whether to use most recordings for training, and categories with few recordings for training alone;
            see `split_recordings`.
        licences: which recordings may be used; None takes all.
        stand_ins: whether to use files that stand in for sounds whose embeddings are drawn.

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
        folder: str | pathlib.Path | Sequence[str | pathlib.Path],
        sample_rate: int = 16000,
        progress: Callable[[int, int], None] | None = None,
        train_first: bool = False,
        licences: LicenceFilter | None = None,
        stand_ins: bool = False,
    ):
        folders = [folder] if isinstance(folder, (str, pathlib.Path)) else list(folder)
        self.folders = tuple(map(pathlib.Path, folders))
        table, rows = read_labels(self.folders, stand_ins)
        self._licences = None if licences is None else sorted(licences.allowed)
        if licences is not None:
            kept = licences.select(rows, table, self.folders)
            logger.warning("%s", kept.describe())
            rows = list(kept.recordings)
        recorded = collections.Counter(row.category for row in rows if row.drawn is None and row.path)
        rows = [row for row in rows if row.drawn is None or recorded[row.category] < ENOUGH]
        self.skipped: dict[str, str] = {}
        self._clips: dict[str, np.ndarray] = {}
        self._load({row.name: row.path for row in rows}, sample_rate, progress)
        place = ", ".join(map(str, self.folders))
        if self.skipped:
            named = "; ".join(f"{name}: {reason}" for name, reason in self.skipped.items())
            logger.warning("skipped %d of %d clips of %s: %s", len(self.skipped), len(rows), place, named)
        usable = [row for row in rows if row.name in self._clips]
        self._files, self.left_out = split_recordings(usable, train_first)
        if self.left_out:
            logger.warning("left out categories of %s: %s", place, self.left_out)
        if not self._files:
            needed = "one recording" if train_first else f"three independent recordings, for {', '.join(SPLITS)}"
            raise DatasetError(
                f"{table} has no category with at least {needed} ({counted(len(self.skipped), 'clip')} skipped); files "
                "with a value in the column `drawn` only stand in for sounds beside the recordings of other folders"
            )
        super().__init__(self._files, sample_rate)
        self._class_of = {row.name: row.drawn for row in usable if row.drawn is not None}
        drawn: dict[str, set[str]] = {}
        for category in self._files:
            if classes := {self._class_of[name] for name in self._files[category]["train"] if name in self._class_of}:
                drawn[category] = classes
        self.drawn = {category: tuple(sorted(classes)) for category, classes in drawn.items()}
        self.only_drawn = frozenset(drawn) - {row.category for row in usable if row.drawn is None}

    def _load(self, paths, sample_rate, progress):
        from aac_tf.audio import AudioError, load_audio  # imports TensorFlow, which synthetic banks do not need

        def read(path):
            if path is None:
                return "no such file"
            try:
                waveform = np.asarray(load_audio(str(path), sample_rate)[0], dtype=np.float32)
            except AudioError as error:
                return error.reason
            waveform = trim_silence(waveform, sample_rate)
            # float16 halves the memory, and its rounding noise is 66 dB below the peak.
            return (waveform / np.abs(waveform).max()).astype(np.float16) if waveform.size else "only silence"

        names = sorted(paths)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for done, (name, found) in enumerate(zip(names, pool.map(read, map(paths.get, names))), 1):
                if progress:
                    progress(done, len(names))
                (self.skipped if isinstance(found, str) else self._clips)[name] = found

    def available(self, split: str) -> tuple[str, ...]:
        return tuple(name for name in self.categories if self._files[name][split])

    def count(self, category: str, split: str) -> int:
        return len(self._files[category][split])

    def files(self, category: str, split: str) -> list[str]:
        """Names of the files of a category in a split; with several folders, the folder's name comes first."""
        return list(self._files[category][split])

    def clip(self, category: str, split: str, rng: np.random.Generator, seconds: float | None = None) -> np.ndarray:
        """Draws a recording, as `Bank.clip` says; sustained sounds are looped, with cross-fades, to the length."""
        waveform = self.recording(category, split, rng)
        if seconds is not None:
            n = max(1, round(seconds * self.sample_rate))
            if category in self.sustained:
                waveform = loop(waveform, n, self.sample_rate, rng)
            waveform = waveform[:n]
        return fade(trim_silence(waveform, self.sample_rate), self.sample_rate)

    def recording(self, category: str, split: str, rng: np.random.Generator) -> np.ndarray:
        return self.recording_or_stand_in(category, split, rng)[0]

    def recording_or_stand_in(self, category: str, split: str, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        files = self._files[category][split]
        name = files[rng.integers(len(files))]
        return self.waveform(name), self._class_of.get(name, "")

    def waveform(self, name: str) -> np.ndarray:
        """The recording of a file, one of `files`: float32 [samples] with a peak of 1, without silence at its ends."""
        return self._clips[name].astype(np.float32)

    def describe(self) -> dict[str, typing.Any]:
        digest = hashlib.sha256()
        for category, split in ((c, s) for c in self.categories for s in SPLITS):
            for name in self._files[category][split]:
                digest.update(f"{category}/{split}/{name}\n".encode())
                digest.update(self._clips[name].tobytes())
        about = {**super().describe(), "clips": len(self._clips), "digest": digest.hexdigest()}
        about |= {} if self._licences is None else {"licences": self._licences}
        drawn = {category: list(classes) for category, classes in self.drawn.items()}
        return about | ({"drawn": drawn} if drawn else {})
