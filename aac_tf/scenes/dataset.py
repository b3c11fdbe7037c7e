"""Composed scenes as a dataset."""

from __future__ import annotations

import pathlib

from aac_tf.datasets import Dataset, DatasetError, match_audio
from aac_tf.datasets.csv_files import read_captions, read_styles
from aac_tf.scenes.banks import Bank, FolderBank, SyntheticBank
from aac_tf.scenes.corpus import read_scenes, write_scenes


class Scenes(Dataset):
    """Scenes composed from a bank of sounds, with captions and the times of their events.

    `prepare` composes the corpus, which takes a moment per scene, unless `root` already holds it.

    Args:
        root: path of the corpus.
        bank: `synthetic`, or path of a folder of labelled recordings (see `FolderBank`).
        train: number of training scenes.
        validation: number of validation scenes.
        test: number of test scenes.
        sample_rate: Hz of the files written.
        min_seconds: shortest duration of a scene, at least 2.
        max_seconds: longest duration of a scene.
        max_events: maximum number of events in a scene, 1 to 3.
        seed: seed of all random choices.

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
        bank: str | pathlib.Path = "synthetic",
        train: int = 1000,
        validation: int = 60,
        test: int = 100,
        sample_rate: int = 16000,
        min_seconds: float = 4.0,
        max_seconds: float = 12.0,
        max_events: int = 3,
        seed: int = 0,
    ):
        super().__init__(root)
        self.bank = bank
        self.counts = {"train": train, "validation": validation, "test": test}
        self.sample_rate = sample_rate
        self.min_seconds = min_seconds
        self.max_seconds = max_seconds
        self.max_events = max_events
        self.seed = seed

    def prepare(self, progress=None):
        progress = progress or (lambda what: None)
        if self.bank == "synthetic":
            bank: Bank = SyntheticBank(sample_rate=self.sample_rate)
        else:
            bank = FolderBank(self.bank, self.sample_rate, progress("Reading the bank of sounds"))
        write_scenes(
            self.root,
            bank,
            self.counts,
            seed=self.seed,
            min_seconds=self.min_seconds,
            max_seconds=self.max_seconds,
            max_events=self.max_events,
            progress=progress("Composing scenes"),
        )

    def clips(self, split, audio_needed=True):
        path = self.root / f"captions_{split}.csv"
        if path.is_file():
            return match_audio(read_captions(path), self.root / split, audio_needed, styles=read_styles(path))
        if not (self.root / "scenes.json").is_file():
            raise DatasetError(f"{self.root} holds no scenes; prepare() composes them")
        return None

    def events(self, split):
        return None if self.clips(split, audio_needed=False) is None else read_scenes(self.root, split)
