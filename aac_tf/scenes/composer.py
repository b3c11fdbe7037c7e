"""Scenes composed from a bank of labelled sounds, with captions that say what is heard, in which order, behind what."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import pathlib
import shutil
import tempfile
import time
import wave
from typing import Callable, Dict, Mapping, Optional, Tuple, Union

import numpy as np

from aac_tf.datasets.clips import DatasetError, match_audio, read_captions
from aac_tf.scenes.banks import SPLITS
from aac_tf.scenes.language import write_captions

COUNTS = {"train": 1000, "validation": 60, "test": 100}
CAPTIONS = 5
# Of what the scenes hold: to be raised with any change that makes other files of the same arguments.
VERSION = 1

# Layout: sounds in the foreground, whether they sound at once, whether something sustained lies behind; how often.
_LAYOUTS = (
    (1, False, False, 0.15),
    (2, False, False, 0.27),
    (3, False, False, 0.16),
    (1, False, True, 0.19),
    (2, False, True, 0.14),
    (2, True, False, 0.09),
)
_EDGE = 0.2  # seconds without a foreground sound at both ends of a scene
_GAP = 0.25  # least silence between one sound's end and the next one's beginning, seconds
_ONSETS_APART = 1.0  # least time between the beginnings of sounds in sequence, seconds
_FOREGROUND_DB = (-21.0, -15.0)  # level of the loud parts, dB re full scale
_BEHIND_DB = (11.0, 15.0)  # how far the background lies under the quietest foreground sound
_BED_DB = (-62.0, -56.0)  # noise floor, as that of a recorder


@dataclasses.dataclass(frozen=True)
class Event:
    """One sound of a scene.

    Args:
        category: what sounds.
        onset: when it begins, seconds from the start of the scene.
        offset: when it ends, seconds.
        role: "foreground" or "background".
        level: level of its loud parts, dB re full scale.
    """

    category: str
    onset: float
    offset: float
    role: str
    level: float


@dataclasses.dataclass(frozen=True)
class Scene:
    """What happens in one sound file.

    Args:
        file_name: name of the file in its split's folder.
        seconds: duration.
        events: its events in order of onset.
    """

    file_name: str
    seconds: float
    events: Tuple[Event, ...]


def write_scenes(
    root: Union[str, pathlib.Path],
    bank,
    counts: Mapping[str, int] = COUNTS,
    sample_rate: int = 16000,
    seed: int = 0,
    min_seconds: float = 4.0,
    max_seconds: float = 12.0,
    max_events: int = 3,
    progress: Optional[Callable[[int, int], None]] = None,
) -> pathlib.Path:
    """Composes scenes and writes them as a captioned dataset.

    A scene has one to three events: sounds in sequence or two at once, in the foreground or behind the others, over a
    quiet noise floor. `root` gets, for every split, a folder of 16-bit WAV files and `captions_<split>.csv`
    (file_name, caption_1 ... caption_5), and beside them `events.json` and `scenes.json` (parameters, seed and the
    corpus' version). The same arguments give the same files to the byte. The folder appears when all is written; one
    that already holds scenes of the same arguments is left as it is.

    Args:
        root: folder to write.
        bank: `SyntheticBank` or `FolderBank`; a split's scenes use that split's sounds.
        counts: {split: number of scenes} for "train", "validation" and "test".
        sample_rate: samples a second; must be the bank's.
        seed: seed of everything random.
        min_seconds: shortest scene.
        max_seconds: longest scene.
        max_events: most events a scene may have, 1 to 3.
        progress: called with (scenes written, scenes in all) after each scene.

    Returns:
        `root` as a path.

    Raises:
        DatasetError: if `root` holds something else, or scenes of other arguments.
        ValueError: for arguments outside their range.
    """
    root = pathlib.Path(root)
    record = {
        "counts": {split: int(counts[split]) for split in SPLITS if split in counts},
        "sample_rate": sample_rate,
        "seed": seed,
        "min_seconds": min_seconds,
        "max_seconds": max_seconds,
        "max_events": max_events,
        "bank": bank.describe(),
        "version": VERSION,
    }
    _check(record, counts, bank)
    if _holds(root, record):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(root)
    unfinished = pathlib.Path(tempfile.mkdtemp(prefix=_unfinished_prefix(root), dir=root.parent))
    try:
        _write(unfinished, bank, record, progress)
        unfinished.chmod(0o755)  # mkdtemp made it private
        if not _holds(root, record):  # another run may have been quicker
            if root.is_dir():
                root.rmdir()
            os.replace(unfinished, root)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return root


def read_scenes(root: Union[str, pathlib.Path], split: str) -> Dict[str, Scene]:
    """Reads what happens in the scenes of a split.

    Args:
        root: folder that `write_scenes` wrote.
        split: "train", "validation" or "test".

    Returns:
        {file name: scene}, in the order of the captions file.

    Raises:
        DatasetError: if there are no such scenes.
    """
    path = pathlib.Path(root) / "events.json"
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{root} holds no scenes ({error}); write them with write_scenes") from error
    if split not in splits:
        raise DatasetError(f"{root} has no scenes for {split!r}; it has {', '.join(splits)}")
    return {
        name: Scene(name, scene["seconds"], tuple(Event(**event) for event in scene["events"]))
        for name, scene in splits[split].items()
    }


def read_scene_clips(root, split, audio_needed=True):
    """Clips of a folder that `write_scenes` wrote, as `read_clotho` reads Clotho's."""
    root = pathlib.Path(root)
    return match_audio(read_captions(root / f"captions_{split}.csv"), root / split, audio_needed)


def compose_scene(bank, split, rng, min_seconds=4.0, max_seconds=12.0, max_events=3):
    """Composes one scene.

    Args:
        bank: bank of sounds.
        split: split whose sounds it may use.
        rng: `numpy.random.Generator`, source of all choices.
        min_seconds: shortest scene.
        max_seconds: longest scene.
        max_events: most events.

    Returns:
        Waveform [samples], float32 within -1 and 1, and its events in order of onset.
    """
    rate = bank.sample_rate
    in_front, together, behind = _draw_layout(bank, rng, max_events, max_seconds)
    seconds = rng.uniform(max(min_seconds, min(max_seconds, 2.0 * in_front)), max_seconds)
    n = round(seconds * 100) * rate // 100  # whole hundredths, so that the rounded times below stay inside the scene
    seconds = n / rate

    categories = _draw_categories(bank, rng, in_front, together or behind, behind)
    longest = (seconds - 2 * _EDGE - _GAP * (in_front - 1)) / (1 if together else in_front)
    clips = [_foreground_clip(bank, split, rng, name, longest, alone=in_front == 1) for name in categories[:in_front]]
    onsets = (_onsets_together if together else _onsets_in_sequence)(rng, [len(c) / rate for c in clips], seconds)

    base = rng.uniform(*_FOREGROUND_DB)
    sounds = [
        (name, clip, round(onset * rate), "foreground", base + rng.uniform(-1.5, 1.5))
        for name, clip, onset in zip(categories, clips, onsets)
    ]
    if behind:
        clip = bank.clip(categories[-1], split, rng, seconds)[:n]
        sounds.append((categories[-1], clip, 0, "background", base - 1.5 - rng.uniform(*_BEHIND_DB)))

    mix = _bed(rng, n, rate)
    for _, clip, start, _, level in sounds:
        mix[start : start + len(clip)] += clip * np.float32(10 ** ((level - _loudness_db(clip, rate)) / 20))
    # Sharp knocks peak far above their level: turn the whole scene down rather than clip them.
    peak = float(np.abs(mix).max())
    down = 20 * np.log10(min(1.0, 0.98 / peak))
    events = [
        Event(name, round(start / rate, 3), round((start + len(clip)) / rate, 3), role, round(level + down, 1))
        for name, clip, start, role, level in sounds
    ]
    return mix * np.float32(10 ** (down / 20)), sorted(events, key=lambda event: (event.onset, event.category))


def _draw_layout(bank, rng, max_events, max_seconds):
    """Draws (foreground sounds, at once?, background?) among the layouts that the bank and the length allow."""
    fits = [
        layout
        for layout in _LAYOUTS
        if layout[0] + layout[2] <= max_events
        and layout[0] * _ONSETS_APART + 2 * _EDGE <= max_seconds
        and len(_front_categories(bank, layout[1] or layout[2])) >= layout[0]
        and (bank.sustained or not layout[2])
    ]
    weights = np.array([layout[3] for layout in fits])
    return fits[rng.choice(len(fits), p=weights / weights.sum())][:3]


def _front_categories(bank, over_another):
    """Sustained sounds mask others: over another sound only those stand that stop."""
    return [name for name in bank.categories if not (over_another and name in bank.sustained)]


def _draw_categories(bank, rng, in_front, over_another, behind):
    front = _front_categories(bank, over_another)
    drawn = [front[index] for index in rng.choice(len(front), size=in_front, replace=False)]
    return drawn + ([bank.sustained[rng.integers(len(bank.sustained))]] if behind else [])


def _foreground_clip(bank, split, rng, category, longest, alone):
    wanted = min(longest, rng.uniform(2.0, 4.0))
    if alone and category in bank.sustained:
        wanted = longest * rng.uniform(0.7, 1.0)
    return bank.clip(category, split, rng, wanted)[: int(longest * bank.sample_rate)]


def _onsets_in_sequence(rng, lengths, seconds):
    """Onsets one after another, the spare time dealt out at random."""
    steps = [max(length + _GAP, _ONSETS_APART) for length in lengths[:-1]] + [lengths[-1]]
    if sum(steps) > seconds - 2 * _EDGE:  # short clips, each with its second, may not fit the shortest scenes
        steps = [length + _GAP for length in lengths[:-1]] + [lengths[-1]]
    spare = max(0.0, seconds - 2 * _EDGE - sum(steps))
    pauses = rng.dirichlet(np.ones(len(lengths) + 1)) * spare
    return _EDGE + np.cumsum(pauses[:-1]) + np.cumsum([0.0, *steps[:-1]])


def _onsets_together(rng, lengths, seconds):
    """The shorter sound lies wholly within the longer one, so that neither comes first to the ear for long."""
    first = _EDGE + rng.uniform() * max(0.0, seconds - 2 * _EDGE - max(lengths))
    return [first + rng.uniform() * (max(lengths) - length) for length in lengths]


def _loudness_db(clip, rate):
    """RMS level of the loud parts: the 90th percentile of 50 ms frames, so that pauses between barks do not count."""
    frame = max(1, min(len(clip), rate // 20))
    frames = clip[: len(clip) // frame * frame].reshape(-1, frame)
    return 10 * np.log10(np.percentile(np.mean(np.square(frames), axis=1), 90, method="higher") + 1e-12)


def _bed(rng, n, rate):
    """Soft noise whose colour varies: white noise through a one-pole low-pass."""
    from scipy.signal import lfilter

    pole = rng.uniform(0.3, 0.95)
    noise = lfilter([1.0], [1.0, -pole], rng.standard_normal(n, dtype=np.float32)).astype(np.float32)
    return noise * np.float32(10 ** (rng.uniform(*_BED_DB) / 20) / noise.std())


def _write(folder, bank, record, progress):
    total, done = sum(record["counts"].values()), 0
    limits = {name: record[name] for name in ("min_seconds", "max_seconds", "max_events")}
    events = {}
    for split, count in record["counts"].items():
        (folder / split).mkdir()
        events[split], rows = {}, []
        for index in range(count):
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


def _check(record, counts, bank):
    unknown = sorted(set(counts) - set(SPLITS))
    if unknown or any(count < 1 for count in record["counts"].values()) or not counts:
        raise ValueError(f"counts must give numbers above 0 for splits among {', '.join(SPLITS)}; got {dict(counts)}")
    if bank.sample_rate != record["sample_rate"]:
        raise ValueError(
            f"the bank's sounds have {bank.sample_rate} samples a second, the scenes shall have "
            f"{record['sample_rate']}; make the bank with sample_rate={record['sample_rate']}"
        )
    if record["max_events"] not in (1, 2, 3):
        raise ValueError(f"max_events must be 1, 2 or 3; got {record['max_events']}")
    if not 2.0 <= record["min_seconds"] <= record["max_seconds"]:
        raise ValueError(
            f"scenes need 2 <= min_seconds <= max_seconds; got {record['min_seconds']} and {record['max_seconds']}"
        )


def _holds(root, record):
    """Whether `root` holds scenes made from `record`; an absent or empty folder does not, any other is an error."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        found = json.loads((root / "scenes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{root} exists but holds no scenes; choose another folder for them") from error
    wanted = json.loads(json.dumps(record))
    different = [name for name in wanted if found.get(name) != wanted[name]]
    if different:
        raise DatasetError(
            f"{root} holds scenes made with another {', '.join(different)}; delete that folder to make them anew, or "
            "choose another one"
        )
    return True


def _unfinished_prefix(root):
    return f".{root.name}.unfinished-"


def _remove_leftovers(root):
    """A killed run leaves its unfinished folder; one that nobody has written to for an hour is removed."""
    for folder in root.parent.glob(_unfinished_prefix(root) + "*"):
        newest = max((path.stat().st_mtime for path in folder.glob("**/*")), default=folder.stat().st_mtime)
        if time.time() - newest > 3600:
            shutil.rmtree(folder, ignore_errors=True)
