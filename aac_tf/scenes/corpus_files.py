"""A corpus of scenes on disk: a folder that appears only when it is complete, and is kept if it is the wanted one."""

from __future__ import annotations

import concurrent.futures
import csv
import dataclasses
import json
import pathlib
import shutil
import time
import wave
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from aac_tf.datasets import DatasetError
from aac_tf.scenes.events import Event
from aac_tf.utils.atomic import complete_folder, unfinished_folder, writing

CAPTIONS = 5


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
    """Writes the scenes of a corpus, unless they are there already.

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

    if _holds(root, record):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(root)
    unfinished = unfinished_folder(root, _unfinished_prefix(root))
    try:
        with writing(root, LibsndfileError):
            _write(unfinished, record, counts, compose, sample_rate, ending, workers, progress)
        if not _holds(root, record):  # another process may have finished first
            complete_folder(unfinished, root)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return root


def _write(folder, record, counts, compose, rate, ending, workers, progress):
    write = {".wav": _write_wav, ".flac": _write_flac}[ending]

    def make(scene):
        split, index = scene
        composed = compose(split, index)
        name = f"{split}_{index:05d}{ending}"
        write(folder / split / name, composed.waveform, rate)
        captions = [*composed.captions, *[""] * (CAPTIONS - len(composed.captions))]
        events = [dataclasses.asdict(event) for event in composed.events]
        return [name, *captions, composed.style], {"seconds": round(len(composed.waveform) / rate, 3), "events": events}

    for split in counts:
        (folder / split).mkdir()
    scenes = [(split, index) for split, count in counts.items() for index in range(count)]
    rows: dict[str, list] = {split: [] for split in counts}
    found: dict[str, dict] = {split: {} for split in counts}
    pool = concurrent.futures.ThreadPoolExecutor(workers) if workers > 1 else None
    try:
        for done, ((split, _), made) in enumerate(zip(scenes, (pool.map if pool else map)(make, scenes)), 1):
            row, about = made
            rows[split].append(row)
            found[split][row[0]] = about
            if progress is not None:
                progress(done, len(scenes))
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)
    header = ["file_name", *(f"caption_{number + 1}" for number in range(CAPTIONS)), "style"]
    styled = any(row[-1] for split in counts for row in rows[split])
    for split in counts:
        with open(folder / f"captions_{split}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header if styled else header[:-1])
            writer.writerows(row if styled else row[:-1] for row in rows[split])
    (folder / "events.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (folder / "scenes.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _write_flac(path, waveform, rate):
    import soundfile

    soundfile.write(path, np.round(waveform * 32767).astype(np.int16), rate, subtype="PCM_16")


def _write_wav(path, waveform, rate):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(waveform * 32767).astype("<i2").tobytes())


def _holds(root, record):
    """Whether `root` holds the scenes of `record`; raises unless it does, is empty or does not exist."""
    prefix = _unfinished_prefix(root)
    if not root.exists() or (root.is_dir() and all(path.name.startswith(prefix) for path in root.iterdir())):
        return False
    try:
        found = json.loads((root / "scenes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{root} holds other files than scenes; choose another folder") from error
    wanted = json.loads(json.dumps(record))
    different = [name for name in {**wanted, **found} if found.get(name) != wanted.get(name)]
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
    pattern = _unfinished_prefix(root) + "*"
    for folder in [*root.parent.glob(pattern), *root.glob(pattern)]:
        newest = max((path.stat().st_mtime for path in folder.glob("**/*")), default=folder.stat().st_mtime)
        if time.time() - newest > 3600:
            shutil.rmtree(folder, ignore_errors=True)
