"""Anybody's captioned clips: a CSV file a split."""

import pathlib

from aac_tf.datasets.clips import DatasetError, match_audio, read_captions


def _captions_path(root, split):
    place = pathlib.Path(root)
    if place.is_file():
        return place if split == "train" else None
    if not place.is_dir():
        raise DatasetError(f"{root} is neither a CSV file nor a folder of them; set data.root")
    path = place / f"{split}.csv"
    return path if path.is_file() else None


def read_manifest(root, split, audio_needed=True):
    """Clips of a CSV with `file_name` and `caption_1` ... `caption_n`, or `caption` (one row a caption).

    Args:
        root: a CSV file (training alone), or a folder with `train.csv`, `validation.csv`, `test.csv`, any of which may
            be missing. File names are relative to the CSV's folder.
        split: `train`, `validation` or `test`.
        audio_needed: whether clips without a file are left out.

    Returns:
        A `ClipList`, or None where there is no such split.

    Raises:
        DatasetError: if the CSV cannot be read.
    """
    path = _captions_path(root, split)
    return None if path is None else match_audio(read_captions(path), path.parent, audio_needed)
