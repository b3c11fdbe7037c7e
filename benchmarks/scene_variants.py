"""Corpora of scenes that differ in one thing each, from the same banks, and scenes to compare models on."""

import copy
import csv
import dataclasses
import functools
import os
import pathlib
import shutil

from aac_tf.scenes.banks import FolderBank
from aac_tf.scenes.banks.labels import read_labels, related
from aac_tf.scenes.files import bank_folders, script_files
from aac_tf.scenes.scripted_corpus import write_scripted_scenes
from aac_tf.scenes.scripts import read_scripts
from aac_tf.scenes.writing.scripts import write_scripts_for

BASE = "base"
WHOLE, WITHOUT_GROWN, HALF = "whole", "without grown", "half"


@dataclasses.dataclass(frozen=True)
class Variant:
    """How the training scenes of a variant are composed.

    Args:
        bank: which of the training recordings are used: `WHOLE`, `WITHOUT_GROWN` or `HALF`.
        templates: whether captions are written for the bank instead of human ones.
        renderings: number of scenes for each script; the number of scenes is the same.
        effects: whether rooms, distance and recorders change the sounds.
        styled: whether the captions have their style.
    """

    bank: str = WHOLE
    templates: bool = False
    renderings: int = 1
    effects: bool = True
    styled: bool = True


VARIANTS = {
    BASE: Variant(),
    "templates in place of scripts": Variant(templates=True),
    "without the grown bank": Variant(bank=WITHOUT_GROWN),
    "half of the recordings": Variant(bank=HALF),
    "without rooms, distance and recorders": Variant(effects=False),
    "without the style word": Variant(styled=False),
    "two renderings of half the scripts": Variant(renderings=2),
}


class Composer:
    """Composes the scenes of variants, unless they are there.

    All variants use the same division of recordings and captions into splits: a smaller bank lacks training recordings,
    and the validation scenes have sounds and captions that no variant trains on.

    Args:
        folder: path of the folder for the corpora.
        banks: list of paths of folders of labelled recordings.
        grown: list of paths of folders that were grown or derived from them.
        scripts: files of captions, as for `scenes.scripts`.
        scenes: section `scenes` of a `Config`, for the lengths of scenes, `max_alike` and the seed. `min_scenes` is not
            used, since variants differ in how often scripts are rendered.
        count: number of training scenes of each variant.
        validation: number of validation scenes.
        progress: optional function `(what) -> (function (done, total))`.
    """

    def __init__(self, folder, banks, grown, scripts, scenes, count, validation, progress=None):
        self.folder, self.count, self.validation = pathlib.Path(folder), count, validation
        self._banks, self._grown = [[path for _, path in bank_folders(list(paths))] for paths in (banks, grown)]
        self._files = script_files(scripts)
        self._options = {name: getattr(scenes, name) for name in ("min_seconds", "max_seconds", "max_alike", "seed")}
        self._progress = progress or (lambda what: None)

    def compose(self, name):
        """Path of the corpus with the training scenes of a variant of `VARIANTS`."""
        variant, root = VARIANTS[name], self.folder / name.replace(" ", "_").replace(",", "")
        if (root / "scenes.json").is_file():
            return root
        if not variant.styled:
            return without_styles(self.compose(BASE), root)
        bank, counts = part_of_bank(self._bank, variant.bank, self._grown), {"train": self.count}
        scripts = self._human_scripts
        if variant.templates:
            report = self._progress("Writing captions")
            scripts = write_scripts_for(bank, counts, variant.renderings, self._options["seed"], report)
        options = {**self._options, "renderings": variant.renderings, "effects": variant.effects}
        report = self._progress(f"Composing {name}")
        return write_scripted_scenes(root, bank, scripts, counts, progress=report, **options)

    def compose_validation(self):
        """Path of the corpus with the common validation scenes."""
        root = self.folder / "validation"
        if (root / "scenes.json").is_file():
            return root
        counts = {"validation": self.validation}
        report = self._progress("Composing validation")
        return write_scripted_scenes(root, self._bank, self._human_scripts, counts, progress=report, **self._options)

    @functools.cached_property
    def _bank(self):
        report = self._progress("Reading the bank of sounds")
        return FolderBank([*self._banks, *self._grown], progress=report, train_first=True)

    @functools.cached_property
    def _human_scripts(self):
        return [script for style, file in self._files for script in read_scripts([file], style).scripts]


def part_of_bank(bank, part, grown):
    """A bank that lacks some of the training recordings of another one.

    Args:
        bank: `FolderBank`.
        part: `WHOLE`, `WITHOUT_GROWN` or `HALF`: every second recording of a category, with all of its pieces.
        grown: list of paths, those of the bank's folders that were grown.

    Returns:
        `FolderBank`; both share their sounds.
    """
    if part == WHOLE:
        return bank
    _, rows = read_labels(bank.folders)
    if part == HALF:
        unit = dict(zip((row.name for row in rows), related(rows, by_fold=False, neighbours=True)))

        def keep(names):
            kept = set(list(dict.fromkeys(unit[name] for name in names))[::2])
            return [name for name in names if unit[name] in kept]
    else:
        dropped = {row.name for row in rows if bank.folders[row.folder] in grown}

        def keep(names):
            return [name for name in names if name not in dropped]

    smaller = copy.copy(bank)
    smaller._files = {category: {**splits, "train": keep(splits["train"])} for category, splits in bank._files.items()}
    return smaller


def without_styles(corpus, root):
    """Writes a corpus with the scenes and captions of another one, but without their styles.

    Args:
        corpus: path of the corpus.
        root: path of the folder to write; it has links to the sounds.

    Returns:
        `root`.
    """
    root.mkdir(parents=True, exist_ok=True)
    for table in corpus.glob("captions_*.csv"):
        split = table.stem.removeprefix("captions_")
        if not (root / split).exists():
            os.symlink((corpus / split).resolve(), root / split)
        with (
            open(table, newline="", encoding="utf-8") as file,
            open(root / table.name, "w", newline="", encoding="utf-8") as written,
        ):
            rows = csv.DictReader(file)
            writer = csv.DictWriter(
                written, [name for name in rows.fieldnames if name != "style"], extrasaction="ignore"
            )
            writer.writeheader()
            writer.writerows(rows)
    for name in ("events.json", "scenes.json"):  # the last one shows that the corpus is complete
        shutil.copy(corpus / name, root / name)
    return root
