"""A corpus of scenes on disk: a folder that appears only when it is complete, and is kept if it is the wanted one.

Until then, it is in a hidden folder, with a lock and a list of the complete scenes. An interrupted corpus continues
after them.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import glob
import hashlib
import itertools
import json
import logging
import pathlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from aac_tf.datasets import SPLITS, DatasetError
from aac_tf.scenes.events import Event
from aac_tf.utils.atomic import check_space, complete_folder, writing
from aac_tf.utils.counting import counted
from aac_tf.utils.locks import LockedError, file_lock
from aac_tf.utils.reading import read_ahead

logger = logging.getLogger(__name__)

CAPTIONS = 5
_LOCK, _COMPLETE, _CORPUS, _RECORD = ".lock", "complete.jsonl", "corpus", "scenes.json"  # in the hidden folder
_AHEAD = 8  # scenes for each thread that are composed while others are still written
_LEAST_BYTES = 0.2  # per sample, of FLAC; scenes have noise and take several times as much
_ABANDONED_SECONDS = 3600


@dataclasses.dataclass(frozen=True)
class ComposedScene:
    """A scene to be written.

    Args:
        waveform: float32 [samples] between -1 and 1.
        events: its events.
        captions: up to `CAPTIONS` captions.
        style: style of the captions, as of a `Clip`; empty for none.
    """

    waveform: np.ndarray
    events: Sequence[Event]
    captions: Sequence[str]
    style: str = ""


def write_corpus(
    root: pathlib.Path,
    record: Mapping,
    counts: Mapping[str, int],
    compose: Callable[[str, int], ComposedScene],
    sample_rate: int,
    ending: str = ".wav",
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pathlib.Path:
    """Writes the scenes of a corpus, unless they are there already; continues an interrupted corpus.

    If another process writes the same corpus, it is waited for.

    Args:
        root: folder to write.
        record: everything that the corpus depends on, in JSON types; it becomes `scenes.json`.
        counts: {split: number of scenes}.
        compose: function of split and index. Called from several threads, it must give the same for the same
            arguments.
        sample_rate: Hz.
        ending: of the sound files, `.wav` or `.flac`; both have 16 bits.
        workers: number of threads; the files do not depend on it.
        progress: called with (scenes written, all scenes) after each scene.

    Returns:
        `root`.

    Raises:
        DatasetError: if `root` holds other files or another corpus.
        WriteError: if the disk is full.
    """
    from soundfile import LibsndfileError

    unfinished, waited = _unfinished(root, record), False
    while not _holds(root, record, unfinished):
        _remove_leftovers(root, unfinished)
        try:
            with writing(root, LibsndfileError):
                unfinished.mkdir(parents=True, exist_ok=True)
                with file_lock(unfinished / _LOCK):
                    if not _holds(root, record, unfinished):
                        if not (unfinished / _CORPUS / _RECORD).is_file():
                            _write(unfinished, record, counts, compose, sample_rate, ending, workers, progress)
                        complete_folder(unfinished / _CORPUS, root)
        except LockedError as error:
            if not waited:
                logger.warning("waiting for process %s, which composes %s", error.owner, root)
            waited = True
            time.sleep(1)
        except FileNotFoundError:
            if unfinished.exists():
                raise  # otherwise another process has just finished
    for parent in (root, root.parent):
        shutil.rmtree(parent / unfinished.name, ignore_errors=True)
    return root


def check_arguments(counts: Mapping[str, int | None], min_seconds: float, max_seconds: float) -> None:
    """Raises `DatasetError` if the numbers of scenes by split, or the limits of their duration, are out of range."""
    if not counts or set(counts) - set(SPLITS) or any(count is not None and count < 1 for count in counts.values()):
        raise DatasetError(f"counts must be at least 1, for splits among {', '.join(SPLITS)}; got {dict(counts)}")
    if not 2.0 <= min_seconds <= max_seconds:
        raise DatasetError(f"scenes need 2 <= min_seconds <= max_seconds; got {min_seconds} and {max_seconds}")


def check_disk(root: pathlib.Path, scenes: int, min_seconds: float, sample_rate: int) -> None:
    """Checks that the disk has space for scenes, as far as can be told before any is composed.

    Args:
        root: folder to write.
        scenes: number of scenes.
        min_seconds: shortest duration of a scene.
        sample_rate: Hz.

    Raises:
        WriteError: if even the shortest scenes would not fit.
    """
    present = 0
    for path in (path for folder in _leftovers(root) for path in folder.glob("**/*")):
        with contextlib.suppress(FileNotFoundError):  # another process removes it
            present += path.stat().st_size
    check_space(root, scenes * min_seconds * sample_rate * _LEAST_BYTES - present)


def _write(unfinished, record, counts, compose, rate, ending, workers, progress):
    import soundfile

    folder = unfinished / _CORPUS

    def make(scene):
        split, index = scene
        composed = compose(split, index)
        name = f"{split}_{index:05d}{ending}"
        samples = np.round(composed.waveform * 32767).astype(np.int16)
        soundfile.write(folder / split / name, samples, rate, subtype="PCM_16")
        captions = [*composed.captions, *[""] * (CAPTIONS - len(composed.captions))]
        # Without the field `drawn` unless it is needed, as in corpora that are older than it.
        events = [
            {name: value for name, value in dataclasses.asdict(event).items() if name != "drawn" or value}
            for event in composed.events
        ]
        return [name, *captions, composed.style], {"seconds": round(len(composed.waveform) / rate, 3), "events": events}

    for split in counts:
        (folder / split).mkdir(parents=True, exist_ok=True)
    complete = _read_complete(unfinished / _COMPLETE, (folder / split for split, _ in _scenes(counts)))
    scenes, total = itertools.islice(_scenes(counts), len(complete), None), sum(counts.values())
    try:
        with (
            open(unfinished / _COMPLETE, "a", buffering=1, encoding="utf-8") as file,
            contextlib.closing(read_ahead(make, scenes, workers, _AHEAD * workers)) as composed,
        ):
            for made in composed:
                file.write(json.dumps(made) + "\n")
                complete.append(made)
                if progress is not None:
                    progress(len(complete), total)
    except BaseException:
        if complete:
            kept = f"{len(complete)} of {counted(total, 'scene')} are kept"
            logger.warning("%s, and the same command continues after them", kept)
        raise
    rows: dict[str, list] = {split: [] for split in counts}
    found: dict[str, dict] = {split: {} for split in counts}
    for (split, _), (row, about) in zip(_scenes(counts), complete):
        rows[split].append(row)
        found[split][row[0]] = about
    header = ["file_name", *(f"caption_{number + 1}" for number in range(CAPTIONS)), "style"]
    styled = any(row[-1] for split in counts for row in rows[split])
    for split in counts:
        with open(folder / f"captions_{split}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header if styled else header[:-1])
            writer.writerows(row if styled else row[:-1] for row in rows[split])
    (folder / "events.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    # Last and at once: a corpus with this file is complete.
    (unfinished / _RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    (unfinished / _RECORD).rename(folder / _RECORD)


def _scenes(counts):
    return ((split, index) for split, count in counts.items() for index in range(count))


def _read_complete(path, folders):
    """Reads the list of the complete scenes of an interrupted corpus; `folders` are those of all scenes.

    If a crash has damaged the list, or a sound is lost, the list ends before it.
    """
    complete: list = []
    if not path.is_file():
        return complete
    with open(path, "rb+") as file:
        size = 0
        for line, folder in zip(file, folders):
            try:
                row, about = json.loads(line if line.endswith(b"\n") else b"")
                if not (folder / row[0]).stat().st_size:
                    break
            except (OSError, ValueError):
                break
            complete.append((row, about))
            size += len(line)
        file.truncate(size)
    return complete


def _holds(root, record, unfinished):
    """Whether `root` holds the scenes of `record`; raises unless it does, is empty or does not exist."""
    prefix = _unfinished_prefix(root)
    if not root.exists() or (root.is_dir() and all(path.name.startswith(prefix) for path in root.iterdir())):
        return False
    if unfinished.parent == root and (unfinished / _CORPUS / _RECORD).is_file():
        return False  # it is being moved there, file by file
    try:
        found = json.loads((root / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{root} holds other files than scenes; choose another folder") from error
    wanted = json.loads(json.dumps(record))
    different = [name for name in {**wanted, **found} if found.get(name) != wanted.get(name)]
    if different:
        drawn = ["drawn" in about.get("bank", {}) for about in (found, wanted)]
        why = "" if drawn[0] == drawn[1] else "; stand-ins of a bank are used with stored embeddings of YAMNet alone"
        raise DatasetError(
            f"{root} holds scenes composed with another {', '.join(different)}{why}; delete the folder to compose them "
            "again, or choose another folder"
        )
    return True


def _unfinished_prefix(root):
    return f".{root.name}.unfinished-"


def _unfinished(root, record):
    """The hidden folder of a corpus: in `root` if that exists, which may be a mount point, otherwise beside it."""
    key = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]
    return (root if root.is_dir() else root.parent) / f"{_unfinished_prefix(root)}{key}"


def _leftovers(root):
    """The hidden folders of corpora that are not complete."""
    pattern = glob.escape(_unfinished_prefix(root)) + "*"
    return {*root.parent.glob(pattern), *root.glob(pattern)}


def _remove_leftovers(root, own):
    """Removes unfinished folders of other corpora that have not changed for an hour."""
    for folder in _leftovers(root) - {own}:
        with contextlib.suppress(OSError):  # another process removes it
            # The list in it changes with each scene.
            newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
            if time.time() - newest > _ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
