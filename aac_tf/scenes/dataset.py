"""Composed scenes as a dataset."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Sequence

from aac_tf.datasets import Dataset, DatasetError, match_audio
from aac_tf.datasets.csv_files import read_captions, read_styles
from aac_tf.scenes.corpus import read_scenes, write_scenes
from aac_tf.utils.files import local_path


class Scenes(Dataset):
    """Scenes composed from a bank of sounds, with captions and the times of their events.

    `prepare` composes the corpus, which takes a moment per scene, unless `root` already holds it. Without `scripts`,
    scenes are drawn at random and templates word their captions; with `scripts`, they are composed after captions.

    Args:
        root: path of the corpus.
        bank: `synthetic`, or path of a folder of labelled recordings (see `FolderBank`); several folders as a list, or
            separated by commas; None if `root` holds the corpus.
        train: number of training scenes; with `scripts`, None renders each script of the split.
        validation: number of validation scenes.
        test: number of test scenes.
        sample_rate: Hz of the files written.
        min_seconds: shortest duration of a scene, at least 2.
        max_seconds: longest duration of a scene.
        max_events: maximum number of events in a scene without a script, 1 to 3.
        seed: seed of all random choices.
        scripts: path of a file of captions to compose scenes after, or several, as for `bank`, or `STYLE=PATH` (see
            `script_files`); None uses templates.
        renderings: number of scenes for each script.
        max_alike: maximum number of scripts of a split with exactly the same sounds and style; None takes all.

    Example:
        >>> import tempfile
        >>> from aac_tf.scenes import Scenes
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     scenes = Scenes(folder, train=2, validation=1, test=1, max_seconds=5.0)
        ...     scenes.prepare()
        ...     clips, events = scenes.clips("train"), scenes.events("train")
        >>> [clip.name for clip in clips], len(clips[0].captions)
        (['train_00000.wav', 'train_00001.wav'], 5)
        >>> 4.0 <= events["train_00000.wav"].seconds <= 5.0
        True
    """

    def __init__(
        self,
        root: str | pathlib.Path,
        bank: str | pathlib.Path | Sequence[str | pathlib.Path] | None = "synthetic",
        train: int | None = 1000,
        validation: int | None = 60,
        test: int | None = 100,
        sample_rate: int = 16000,
        min_seconds: float = 4.0,
        max_seconds: float = 12.0,
        max_events: int = 3,
        seed: int = 0,
        scripts: str | pathlib.Path | Sequence[str | pathlib.Path] | None = None,
        renderings: int = 1,
        max_alike: int | None = None,
    ):
        super().__init__(root)
        self.bank = bank
        self.counts = {"train": train, "validation": validation, "test": test}
        self.sample_rate = sample_rate
        self.min_seconds = min_seconds
        self.max_seconds = max_seconds
        self.max_events = max_events
        self.seed = seed
        self.scripts = scripts
        self.renderings = renderings
        self.max_alike = max_alike

    def check(self, audio_needed=True):
        if (self.root / "scenes.json").is_file():
            return
        for _, file in [] if self.scripts is None else script_files(self.scripts):
            if not file.is_file():
                raise DatasetError(f"{file} is no file; scenes.scripts takes files of captions, FILE or STYLE=FILE")
        if self.bank is None:
            raise DatasetError(
                f"{self.root} holds no scenes, and scenes.bank names no sounds to compose them from (that of a "
                "published run is not known): set data.root to a folder of composed scenes"
            )
        if self.bank == "synthetic":
            return
        for folder in path_list(self.bank):
            if not folder.is_dir():
                raise DatasetError(f"{folder} is not a folder; expected one with labelled clips and a CSV file")

    def prepare(self, progress=None):
        progress = progress or (lambda what: None)
        if self.bank is None:
            return self.check()
        local_path(self.root)
        if self.scripts is None:
            counts = {split: count for split, count in self.counts.items() if count is not None}
            if counts != self.counts:
                raise DatasetError("without scripts, the scenes of each split need a number; got null")
            write_scenes(
                self.root,
                self._bank(progress, train_first=False),
                counts,
                seed=self.seed,
                min_seconds=self.min_seconds,
                max_seconds=self.max_seconds,
                max_events=self.max_events,
                progress=progress("Composing scenes"),
            )
            return
        self._prepare_scripted(progress)

    def _prepare_scripted(self, progress):
        # SciPy takes longer to import than all checks of a command.
        from aac_tf.scenes.inputs import fingerprint, is_known, remember
        from aac_tf.scenes.scripted_corpus import SCRIPTED_VERSION, write_scripted_scenes
        from aac_tf.scenes.scripts import read_scripts

        files = script_files(self.scripts)
        folders = [] if self.bank == "synthetic" else path_list(self.bank)
        # Banks and captions take a minute to read, which a corpus that is there does not need.
        found = fingerprint({**vars(self), "root": None}, [*(file for _, file in files), *folders], [SCRIPTED_VERSION])
        if is_known(self.root, found):
            return
        read = [read_scripts([file], style) for style, file in files]
        write_scripted_scenes(
            self.root,
            self._bank(progress, train_first=True),
            [script for found in read for script in found.scripts],
            self.counts,
            renderings=self.renderings,
            max_alike=self.max_alike,
            seed=self.seed,
            min_seconds=self.min_seconds,
            max_seconds=self.max_seconds,
            progress=progress("Composing scenes"),
            captions=sum(found.captions for found in read),
        )
        remember(self.root, found)

    def _bank(self, progress, train_first):
        from aac_tf.scenes.banks import FolderBank, SyntheticBank  # import SciPy

        if self.bank == "synthetic":
            return SyntheticBank(sample_rate=self.sample_rate)
        folders = path_list(self.bank)
        return FolderBank(folders, self.sample_rate, progress("Reading the bank of sounds"), train_first)

    def clips(self, split, audio_needed=True):
        path = self.root / f"captions_{split}.csv"
        if path.is_file():
            return match_audio(read_captions(path), self.root / split, audio_needed, styles=read_styles(path))
        if not (self.root / "scenes.json").is_file():
            raise DatasetError(f"{self.root} holds no scenes yet: `prepare` composes them, as training does first")
        return None

    def events(self, split):
        return None if self.clips(split, audio_needed=False) is None else read_scenes(self.root, split)


def script_files(value) -> list[tuple[str, pathlib.Path]]:
    """Reads the files of captions and their styles.

    Args:
        value: as for `path_list`; each path may follow the style of the file's captions and `=`, unless a file of that
            name exists.

    Returns:
        list of (style, path); the style is empty if there is none.

    Raises:
        DatasetError: if it is something else, or empty.

    Example:
        >>> from aac_tf.scenes.dataset import script_files
        >>> [(style, str(path)) for style, path in script_files("clotho=train.csv, mine.txt")]
        [('clotho', 'train.csv'), ('', 'mine.txt')]
    """
    files = []
    for path in path_list(value):
        styled = None if path.exists() else re.fullmatch(r"([\w.-]+)=(.+)", str(path))
        files.append((styled[1], pathlib.Path(styled[2]).expanduser()) if styled else ("", path))
    return files


def path_list(value) -> list[pathlib.Path]:
    """Reads one path or several.

    Args:
        value: a path; several separated by commas, unless a file of that name exists; or a list of paths.

    Returns:
        list of paths.

    Raises:
        DatasetError: if it is something else, or empty.

    Example:
        >>> from aac_tf.scenes.dataset import path_list
        >>> [str(path) for path in path_list("ESC-50, UrbanSound8K")]
        ['ESC-50', 'UrbanSound8K']
    """
    if isinstance(value, str):
        value = [value] if pathlib.Path(value).exists() else [part.strip() for part in value.split(",")]
    elif isinstance(value, pathlib.Path):
        value = [value]
    if (
        not isinstance(value, (list, tuple))
        or not value
        or not all(part and isinstance(part, (str, pathlib.Path)) for part in value)
    ):
        raise DatasetError(f"expected a path or a list of paths, got {value!r}")
    return [pathlib.Path(part).expanduser() for part in value]
