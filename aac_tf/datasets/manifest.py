"""Captioned clips listed in CSV files."""

from aac_tf.datasets.audio_files import match_audio
from aac_tf.datasets.base import SPLITS, Dataset
from aac_tf.datasets.csv_files import read_captions, read_styles
from aac_tf.datasets.errors import DatasetError


class Manifest(Dataset):
    r"""Any captioned clips: a CSV file per split.

    The columns are `file_name`, relative to the CSV file's folder, and `caption_1` ... `caption_n`, or `caption` with
    one caption per row. A column `style` gives the style of the clip's captions.

    Args:
        root: path of a folder with any of `train.csv`, `validation.csv` and `test.csv`; or path of a CSV file, which
            is the train split.

    Example:
        >>> import pathlib, tempfile
        >>> from aac_tf.datasets import Manifest
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = pathlib.Path(folder, "train.csv").write_text("file_name,caption\ndog.wav,a dog barks\n")
        ...     _ = pathlib.Path(folder, "dog.wav").write_bytes(b"")
        ...     clips = Manifest(folder).clips("train")
        >>> clips[0].name, clips[0].captions
        ('dog.wav', ['a dog barks'])
    """

    def clips(self, split, audio_needed=True):
        if self.root.is_file():
            path = self.root if split == "train" else None
        elif self.root.is_dir():
            path = self.root / f"{split}.csv"
            if not any((self.root / f"{name}.csv").is_file() for name in SPLITS):
                files = ", ".join(f"{name}.csv" for name in SPLITS)
                raise DatasetError(f"{self.root} has none of {files}: add them, or give the path of a CSV file instead")
        else:
            found = "is neither a CSV file nor a folder of CSV files" if self.root.exists() else "does not exist"
            raise DatasetError(f"{self.root} {found}: expected a CSV file, or a folder with train.csv")
        if path is None or not path.is_file():
            return None
        return match_audio(read_captions(path), path.parent, audio_needed, styles=read_styles(path))
