"""The MACS dataset."""

from __future__ import annotations

import yaml

from aac_tf.datasets.audio_files import match_audio
from aac_tf.datasets.base import Dataset
from aac_tf.datasets.csv_files import spoken
from aac_tf.datasets.errors import DatasetError
from aac_tf.utils.yaml_tables import load_table

TABLE = "MACS.yaml"
_FOLDERS = ("audio", "TAU-urban-acoustic-scenes-2019-development/audio")


class MACS(Dataset):
    """MACS: two to five captions per clip, of airports, public squares and parks.

    It has only a train split; `data.validation_fraction` holds out a part of it for validation.

    Args:
        root: path of a folder with `MACS.yaml`, and the clips of TAU Urban Acoustic Scenes 2019 in `audio/`, in
            `TAU-urban-acoustic-scenes-2019-development/audio/`, or beside it.

    Reference:
        Martin Morato, Mesaros, Diversity and Bias in Audio Captioning Datasets, DCASE 2021.

    Example:
        >>> from aac_tf.datasets import MACS
        >>> clips = MACS("macs").clips("train")  # doctest: +SKIP
    """

    def __init__(self, root):
        super().__init__(root)
        self._captions = None

    def clips(self, split, audio_needed=True):
        self._check_root(TABLE)
        if split != "train":
            return None
        if self._captions is None:  # PyYAML takes seconds for 3,930 clips
            self._captions = read_macs(self.root / TABLE)
        folder = next((self.root / place for place in _FOLDERS if (self.root / place).is_dir()), self.root)
        return match_audio(self._captions, folder, audio_needed)


def read_macs(path):
    """Reads the captions of MACS.

    Args:
        path: path of `MACS.yaml`.

    Returns:
        dict of file name to list of captions.

    Raises:
        DatasetError: if the file cannot be read, or has another form.
    """
    try:
        with path.open(encoding="utf-8") as file:
            content = load_table(file)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is not a YAML file: {error}") from error
    captions = {}
    try:
        for entry in content["files"]:
            texts = captions.setdefault(str(entry["filename"]), [])
            texts.extend(filter(None, (spoken(one["sentence"]) for one in entry["annotations"])))
    except (TypeError, KeyError, AttributeError) as error:
        raise DatasetError(
            f"{path} is not MACS's: expected `files`, each with a `filename` and `annotations` with a `sentence`; "
            f"{type(error).__name__}: {error}"
        ) from error
    return captions
