"""Clotho: CSV files of five captions a clip beside the folders of the clips."""

import pathlib

from aac_tf.datasets.clips import DatasetError, match_audio, read_captions

FOLDERS = {"train": "development", "validation": "validation", "test": "evaluation"}


def _captions_path(root, split):
    folder = pathlib.Path(root)
    if not folder.is_dir():
        raise DatasetError(f"Clotho's folder {root} does not exist; set data.root to where its CSV files are")
    paths = sorted(folder.glob(f"clotho_captions_{FOLDERS[split]}*.csv"))
    if len(paths) > 1:
        raise DatasetError(f"{root} holds several caption files for {split}: {', '.join(path.name for path in paths)}")
    return paths[0] if paths else None


def read_clotho(root, split, audio_needed=True):
    """Clips of a Clotho v1 or v2.1 folder (Drossos, Lipping, Virtanen, "Clotho: an Audio Captioning Dataset", 2020).

    Args:
        root: folder with `clotho_captions_*.csv` and `development/ validation/ evaluation/`.
        split: `train`, `validation` or `test`.
        audio_needed: whether clips without a file are left out.

    Returns:
        A `ClipList`, or None where the dataset has no such split.

    Raises:
        DatasetError: if the folder or its captions cannot be read.
    """
    path = _captions_path(root, split)
    if path is None:
        return None
    folder = pathlib.Path(root) / FOLDERS[split]
    return match_audio(read_captions(path), folder, audio_needed, report_uncaptioned=True)
