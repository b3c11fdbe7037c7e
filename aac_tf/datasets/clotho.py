"""The Clotho dataset."""

from aac_tf.datasets.audio_files import match_audio
from aac_tf.datasets.base import Dataset
from aac_tf.datasets.csv_files import read_captions
from aac_tf.datasets.errors import DatasetError

FOLDERS = {"train": "development", "validation": "validation", "test": "evaluation"}


class Clotho(Dataset):
    """Clotho v1 or v2.1: five captions per clip.

    Args:
        root: path of a folder with `clotho_captions_{development,validation,evaluation}*.csv`, and the clips in
            `development/`, `validation/` and `evaluation/`. v1 has no validation split.

    Reference:
        Drossos, Lipping, Virtanen, Clotho: an Audio Captioning Dataset, ICASSP 2020.

    Example:
        >>> from aac_tf.datasets import Clotho
        >>> clips = Clotho("clotho_v2.1").clips("train")  # doctest: +SKIP
    """

    def clips(self, split, audio_needed=True):
        self._check_root("clotho_captions_*.csv")
        if split not in FOLDERS:
            return None
        paths = sorted(self.root.glob(f"clotho_captions_{FOLDERS[split]}*.csv"))
        if len(paths) > 1:
            names = ", ".join(path.name for path in paths)
            raise DatasetError(f"{self.root} has several caption files for {split}, expected one: {names}")
        if not paths:
            return None
        return match_audio(read_captions(paths[0]), self.root / FOLDERS[split], audio_needed, report_uncaptioned=True)
