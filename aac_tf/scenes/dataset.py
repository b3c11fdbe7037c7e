"""Composed scenes as a dataset."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from aac_tf.datasets import Dataset, DatasetError, match_audio
from aac_tf.datasets.csv_files import read_captions, read_styles
from aac_tf.scenes.corpus import read_scenes, write_scenes
from aac_tf.scenes.corpus_files import check_disk
from aac_tf.scenes.files import bank_folders, script_files
from aac_tf.scenes.licences import LicenceFilter, licence_names
from aac_tf.utils.files import local_path

TEMPLATES = "templates"


class Scenes(Dataset):
    """Scenes composed from a bank of sounds, with captions and the times of their events.

    `prepare` composes the corpus, which takes a moment per scene, unless `root` already holds it. Without `scripts`,
    scenes are drawn at random and templates word their captions; with `scripts`, they are composed from captions:
    human ones, or those that `aac_tf.scenes.writing` writes for the sounds of the bank.

    Args:
        root: path of the corpus.
        bank: `synthetic`, or path of a folder of labelled recordings (see `FolderBank`); several folders as a list, or
            separated by commas; `LICENCE=PATH` says which licence a folder has; None if `root` holds the corpus.
        train: number of training scenes; with `scripts`, None renders each script of the split.
        validation: number of validation scenes.
        test: number of test scenes.
        sample_rate: Hz of the files written.
        min_seconds: shortest duration of a scene, at least 2.
        max_seconds: longest duration of a scene.
        max_events: maximum number of events in a scene without a script, 1 to 3.
        seed: seed of all random choices.
        scripts: path of a file of captions to compose scenes from, or several, as for `bank`, or `STYLE=PATH` (see
            `script_files`); `templates` writes captions for the sounds of the bank, or, beside files, for those that
            the files hardly name; None composes at random.
        renderings: number of scenes for each script.
        max_alike: maximum number of scripts of a split with exactly the same sounds and style; None takes all.
        licences: licences that clips of the bank may have (see `licence_names`); None takes all clips.
        min_scenes: with `scripts`, number of training scenes that each sound should be in (see `plan_scenes`).
        effects: with `scripts`, whether rooms, distance and recorders change the sounds (see `compose_script`).
        stand_ins: with `scripts`, whether to use sounds of the bank that stand in for others (see `FolderBank`).

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
        licences: str | Sequence[str] | None = None,
        min_scenes: int | None = None,
        effects: bool = True,
        stand_ins: bool = True,
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
        self.licences = licences
        self.min_scenes = min_scenes
        self.effects = effects
        self.stand_ins = stand_ins

    def check(self, audio_needed=True):
        if (self.root / "scenes.json").is_file():
            return
        for file in self._script_files():
            if not file.is_file():
                raise DatasetError(
                    f"{file} is no file; scenes.scripts takes files of captions, FILE or STYLE=FILE, or {TEMPLATES}"
                )
        if self.scripts is not None and not self._script_files() and None in self.counts.values():
            raise DatasetError(f"with scenes.scripts={self.scripts}, the scenes of each split need a number; got null")
        if audio_needed:
            scenes = sum(count for count in self.counts.values() if count is not None)
            check_disk(self.root, scenes, self.min_seconds, self.sample_rate)
        if self.bank is None:
            raise DatasetError(
                f"{self.root} holds no scenes, and scenes.bank names no sounds to compose them from (that of a "
                "published run is not known): set data.root to a folder of composed scenes"
            )
        if self.bank == "synthetic":
            return
        folders = [folder for _, folder in bank_folders(self.bank)]
        for folder in folders:
            if not folder.is_dir():
                raise DatasetError(f"{folder} is not a folder; expected one with labelled clips and a CSV file")
        allowed = self._allowed()
        if allowed:
            from aac_tf.scenes.banks.labels import read_labels  # imports SciPy

            table, rows = read_labels(folders)
            allowed.select(rows, table, folders)

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

        versions, files = [SCRIPTED_VERSION], self._script_files()
        if len(files) < len(script_files(self.scripts)):
            from aac_tf.scenes.writing.scripts import WRITING_VERSION

            versions.append(WRITING_VERSION)
        folders = [] if self.bank == "synthetic" else [folder for _, folder in bank_folders(self.bank)]
        # Banks and captions take a minute to read, which a corpus that is there does not need.
        found = fingerprint({**vars(self), "root": None}, [*files, *folders], versions)
        if is_known(self.root, found):
            return
        bank = self._bank(progress, train_first=True)
        scripts, captions = self._scripts(bank, progress)
        write_scripted_scenes(
            self.root,
            bank,
            scripts,
            self.counts,
            renderings=self.renderings,
            max_alike=self.max_alike,
            seed=self.seed,
            min_seconds=self.min_seconds,
            max_seconds=self.max_seconds,
            progress=progress("Composing scenes"),
            captions=captions,
            min_scenes=self.min_scenes,
            effects=self.effects,
        )
        remember(self.root, found)

    def _script_files(self):
        """The files of human captions."""
        named = [] if self.scripts is None else script_files(self.scripts)
        return [file for _, file in named if str(file) != TEMPLATES]

    def _scripts(self, bank, progress):
        """The scripts, and the number of captions that they were read from."""
        from aac_tf.scenes.scripts import read_scripts

        named = script_files(self.scripts)
        read = [read_scripts([file], style) for style, file in named if str(file) != TEMPLATES]
        human = [script for found in read for script in found.scripts]
        captions = sum(found.captions for found in read)
        scripts = human
        for style in (style for style, file in named if str(file) == TEMPLATES):
            from aac_tf.scenes.writing.scripts import write_missing_scripts, write_scripts_for

            report = progress("Writing captions")
            if read:
                written = write_missing_scripts(bank, human, style, self.seed, report)
            else:
                written = write_scripts_for(bank, self.counts, self.renderings, self.seed, report, style)
            scripts, captions = scripts + written, captions + len(written)
        return scripts, captions

    def _bank(self, progress, train_first):
        from aac_tf.scenes.banks import FolderBank, SyntheticBank  # import SciPy

        if self.bank == "synthetic":
            return SyntheticBank(sample_rate=self.sample_rate)
        folders = [folder for _, folder in bank_folders(self.bank)]
        report = progress("Reading the bank of sounds")
        # Templates say when sounds occur, which drawn embeddings have not been tried with.
        stand_ins = train_first and self.stand_ins
        return FolderBank(folders, self.sample_rate, report, train_first, self._allowed(), stand_ins)

    def _allowed(self):
        if self.licences is None:
            return None
        return LicenceFilter(licence_names(self.licences), [licence for licence, _ in bank_folders(self.bank)])

    def clips(self, split, audio_needed=True):
        path = self.root / f"captions_{split}.csv"
        if path.is_file():
            return match_audio(read_captions(path), self.root / split, audio_needed, styles=read_styles(path))
        if not (self.root / "scenes.json").is_file():
            other = "; if it is another dataset, give its kind: data.source=clotho" if self.root.is_dir() else ""
            raise DatasetError(f"{self.root} holds no scenes yet: training composes them, or `Scenes.prepare`{other}")
        return None

    def events(self, split):
        return None if self.clips(split, audio_needed=False) is None else read_scenes(self.root, split)
