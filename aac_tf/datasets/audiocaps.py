"""The AudioCaps dataset."""

import contextlib
import pathlib
import re

from aac_tf.datasets.audio_files import match_audio
from aac_tf.datasets.base import Dataset
from aac_tf.datasets.clips import ClipList
from aac_tf.datasets.csv_files import read_rows, spoken
from aac_tf.datasets.errors import DatasetError

COLUMNS = ("youtube_id", "start_time", "caption")
STEMS = {"train": "train", "validation": "val", "test": "test"}


class AudioCaps(Dataset):
    """AudioCaps v1 or 2.0: one caption per row, of clips cut from YouTube videos.

    The columns `youtube_id` and `start_time` give the clip's file, under any of the names that download tools use (see
    `clip_stems`). It is looked for in the folder of its split (`train/`, `val/` or `validation/`, `test/`), in `audio/`
    and in the root folder.

    Args:
        root: path of a folder with `train.csv`, `val.csv` and `test.csv`, and the clips.

    Reference:
        Kim, Kim, Lee, Kim, AudioCaps: Generating Captions for Audios in The Wild, NAACL-HLT 2019.

    Example:
        >>> from aac_tf.datasets import AudioCaps
        >>> clips = AudioCaps("audiocaps").clips("train")  # doctest: +SKIP
    """

    def clips(self, split, audio_needed=True):
        self._check_root("train.csv, val.csv and test.csv")
        table = self.root / f"{STEMS.get(split, split)}.csv"
        if split not in STEMS or not table.is_file():
            return None
        files, named, missing = _by_stem(self._files(split)), {}, []
        for (video, start), texts in read_clip_captions(table).items():
            stem = next((stem for stem in clip_stems(video, start) if stem in files), None)
            if stem is not None:
                named[str(files[stem].relative_to(self.root))] = texts
            elif audio_needed:
                missing.append((f"{video}_{start}", f"no such clip in {self.root}"))
            else:
                named[f"{video}_{start}"] = texts
        found = match_audio(named, self.root, audio_needed)
        return ClipList(found.clips, missing + found.left_out)

    def _files(self, split):
        """Paths of the files; those that come first win."""
        folders = [self.root / STEMS[split], self.root / split, self.root / "audio", self.root]
        return [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]


def read_clip_captions(path):
    """Reads a CSV file in AudioCaps' layout.

    Args:
        path: path of a file with the columns `youtube_id`, `start_time` and `caption`.

    Returns:
        dict of (`youtube_id`, `start_time`) to list of captions, which is empty if no row has one.

    Raises:
        DatasetError: if the file cannot be read, lacks a column, or a row has no video or start.
    """
    captions = {}
    for number, row in enumerate(read_rows(path, COLUMNS), 1):
        if not (row["youtube_id"] and row["start_time"]):
            raise DatasetError(f"{path}: row {number} has no youtube_id or no start_time")
        texts = captions.setdefault((row["youtube_id"], row["start_time"]), [])
        texts.extend(filter(None, [spoken(row["caption"])]))
    return captions


def clip_stems(video, start):
    """File names of a clip, without ending, that download tools use, without the end of the clip.

    Args:
        video: str, `youtube_id`.
        start: str, `start_time` in seconds.

    Returns:
        list of str, the best first.

    Example:
        >>> from aac_tf.datasets.audiocaps import clip_stems
        >>> clip_stems("7fmOlUlwoNg", "20")[:4]
        ['7fmOlUlwoNg_20', '7fmOlUlwoNg', 'Y7fmOlUlwoNg', 'Y7fmOlUlwoNg_20']
    """
    starts = [start]
    with contextlib.suppress(ValueError, OverflowError):
        seconds = float(start)
        starts += [f"{seconds:.3f}", f"{seconds:.1f}", f"{seconds:g}", str(round(1000 * seconds))]
    names = [f"{video}_{start}", video, f"Y{video}"]
    return list(dict.fromkeys([*names, *(f"{prefix}{video}_{time}" for prefix in ("Y", "") for time in starts)]))


def match_stem(name):
    """The stems in `clip_stems` that a file name may stand for: without its ending, and without the end of the clip."""
    stem = pathlib.PurePath(name).name
    stem = stem[: -len(pathlib.PurePath(stem).suffix)] if re.search(r"\.[A-Za-z]\w*$", stem) else stem
    without_end = re.fullmatch(r"(.*_\d+(?:\.\d+)?)_\d+(?:\.\d+)?", stem)
    return [stem, without_end[1]] if without_end else [stem]


def _by_stem(paths):
    """Paths by each stem that they stand for; whole stems come before those without an end."""
    found = {}
    for place in range(2):
        for path in paths:
            stems = match_stem(path.name)
            if place < len(stems):
                found.setdefault(stems[place], path)
    return found
