"""A corpus of scenes on disk: sound files, captions and events."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import pathlib
import shutil
import tempfile
import time
import typing
import wave
from collections.abc import Callable, Mapping

import numpy as np

from aac_tf.datasets import SPLITS, DatasetError
from aac_tf.scenes.events import Event, Scene
from aac_tf.scenes.templates import write_captions

if typing.TYPE_CHECKING:
    from aac_tf.scenes.banks import Bank

CAPTIONS = 5
# Version of the corpora written: raise it with any change that writes other files for the same arguments.
VERSION = 1


def write_scenes(
    root: str | pathlib.Path,
    bank: Bank,
    counts: Mapping[str, int],
    seed: int = 0,
    min_seconds: float = 4.0,
    max_seconds: float = 12.0,
    max_events: int = 3,
    progress: Callable[[int, int], None] | None = None,
) -> pathlib.Path:
    """Composes scenes and writes them as a captioned corpus.

    `root` gets a folder of 16-bit WAV files and a file `captions_<split>.csv` (file_name, caption_1 ... caption_5) per
    split, `events.json`, and `scenes.json` with the arguments. The same arguments give the same files, to the byte.
    The folder appears only when it is complete. A folder that holds scenes of the same arguments is left as it is.

    Args:
        root: folder to write.
        bank: `Bank` whose sounds to use; a split's scenes use the sounds of that split.
        counts: {split: number of scenes} for any of "train", "validation" and "test".
        seed: seed of all random choices.
        min_seconds: shortest duration of a scene, at least 2.
        max_seconds: longest duration of a scene.
        max_events: maximum number of events in a scene, 1 to 3.
        progress: called with (scenes written, all scenes) after each scene.

    Returns:
        `root` as a path.

    Raises:
        DatasetError: if an argument is out of range, or `root` holds other files or scenes of other arguments.
    """
    root = pathlib.Path(root)
    record = {
        "counts": {split: int(counts[split]) for split in SPLITS if split in counts},
        "sample_rate": bank.sample_rate,
        "seed": seed,
        "min_seconds": min_seconds,
        "max_seconds": max_seconds,
        "max_events": max_events,
        "bank": bank.describe(),
        "version": VERSION,
    }
    _check(record, counts)
    if _holds(root, record):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(root)
    unfinished = pathlib.Path(tempfile.mkdtemp(prefix=_unfinished_prefix(root), dir=root.parent))
    try:
        _write(unfinished, bank, record, progress)
        unfinished.chmod(0o755)  # mkdtemp made it private
        if not _holds(root, record):  # another process may have finished first
            if root.is_dir():
                root.rmdir()
            os.replace(unfinished, root)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return root


def read_scenes(root: str | pathlib.Path, split: str) -> dict[str, Scene]:
    """Reads the events of the scenes of a split.

    Args:
        root: folder that `write_scenes` wrote.
        split: "train", "validation" or "test".

    Returns:
        {file name: scene}, in the order of the captions file.

    Raises:
        DatasetError: if the folder has no such scenes.
    """
    path = pathlib.Path(root) / "events.json"
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{root} holds no scenes ({error}); write_scenes composes some") from error
    if split not in splits:
        raise DatasetError(f"{root} has no scenes for {split!r}; it has {', '.join(splits)}")
    return {
        name: Scene(name, scene["seconds"], tuple(Event(**event) for event in scene["events"]))
        for name, scene in splits[split].items()
    }


def _write(folder, bank, record, progress):
    from aac_tf.scenes.composer import compose_scene  # SciPy takes longer to import than all checks of a command

    total, done = sum(record["counts"].values()), 0
    limits = {name: record[name] for name in ("min_seconds", "max_seconds", "max_events")}
    events = {}
    for split, count in record["counts"].items():
        (folder / split).mkdir()
        events[split], rows = {}, []
        for index in range(count):
            # Seeded one by one, so that a scene does not depend on how many others there are.
            rng = np.random.default_rng([record["seed"], SPLITS.index(split), index])
            waveform, scene = compose_scene(bank, split, rng, **limits)
            name = f"{split}_{index:05d}.wav"
            _write_wav(folder / split / name, waveform, bank.sample_rate)
            rows.append([name, *write_captions(scene, rng, CAPTIONS)])
            events[split][name] = {
                "seconds": round(len(waveform) / bank.sample_rate, 3),
                "events": [dataclasses.asdict(event) for event in scene],
            }
            done += 1
            if progress is not None:
                progress(done, total)
        with open(folder / f"captions_{split}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["file_name", *(f"caption_{number + 1}" for number in range(CAPTIONS))])
            writer.writerows(rows)
    (folder / "events.json").write_text(json.dumps(events, indent=1) + "\n", encoding="utf-8")
    (folder / "scenes.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _write_wav(path, waveform, rate):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(waveform * 32767).astype("<i2").tobytes())


def _check(record, counts):
    unknown = sorted(set(counts) - set(SPLITS))
    if unknown or any(count < 1 for count in record["counts"].values()) or not counts:
        raise DatasetError(f"counts must be at least 1, for splits among {', '.join(SPLITS)}; got {dict(counts)}")
    if record["max_events"] not in (1, 2, 3):
        raise DatasetError(f"max_events must be 1, 2 or 3; got {record['max_events']}")
    if not 2.0 <= record["min_seconds"] <= record["max_seconds"]:
        raise DatasetError(
            f"scenes need 2 <= min_seconds <= max_seconds; got {record['min_seconds']} and {record['max_seconds']}"
        )


def _holds(root, record):
    """Whether `root` holds the scenes of `record`; raises unless it does, is empty or does not exist."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        found = json.loads((root / "scenes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{root} holds other files than scenes; choose another folder") from error
    wanted = json.loads(json.dumps(record))
    different = [name for name in wanted if found.get(name) != wanted[name]]
    if different:
        raise DatasetError(
            f"{root} holds scenes composed with another {', '.join(different)}; delete the folder to compose them "
            "again, or choose another folder"
        )
    return True


def _unfinished_prefix(root):
    return f".{root.name}.unfinished-"


def _remove_leftovers(root):
    """Removes unfinished folders of killed processes: those that have not changed for an hour."""
    for folder in root.parent.glob(_unfinished_prefix(root) + "*"):
        newest = max((path.stat().st_mtime for path in folder.glob("**/*")), default=folder.stat().st_mtime)
        if time.time() - newest > 3600:
            shutil.rmtree(folder, ignore_errors=True)
