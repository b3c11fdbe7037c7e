"""The corpus of scenes whose captions come from templates."""

from __future__ import annotations

import json
import pathlib
import typing
from collections.abc import Callable, Mapping

import numpy as np

from aac_tf.datasets import SPLITS, DatasetError
from aac_tf.scenes.corpus_files import CAPTIONS, ComposedScene, check_arguments, write_corpus
from aac_tf.scenes.events import Event, Scene
from aac_tf.scenes.templates import write_captions

if typing.TYPE_CHECKING:
    from aac_tf.scenes.banks import Bank

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
    record: dict[str, typing.Any] = {
        "counts": {split: int(counts[split]) for split in SPLITS if split in counts},
        "sample_rate": bank.sample_rate,
        "seed": seed,
        "min_seconds": min_seconds,
        "max_seconds": max_seconds,
        "max_events": max_events,
        "bank": bank.describe(),
        "version": VERSION,
    }
    check_arguments(counts, min_seconds, max_seconds)
    if max_events not in (1, 2, 3):
        raise DatasetError(f"max_events must be 1, 2 or 3; got {max_events}")
    limits = {name: record[name] for name in ("min_seconds", "max_seconds", "max_events")}

    from aac_tf.scenes.composer import compose_scene  # SciPy takes longer to import than all checks of a command

    def compose(split, index):
        # Seeded one by one, so that a scene does not depend on how many others there are.
        rng = np.random.default_rng([seed, SPLITS.index(split), index])
        waveform, events = compose_scene(bank, split, rng, **limits)
        return ComposedScene(waveform, events, write_captions(events, rng, CAPTIONS))

    return write_corpus(root, record, record["counts"], compose, bank.sample_rate, progress=progress)


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
