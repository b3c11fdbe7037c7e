"""The contract of a dataset."""

from aac_tf.datasets.errors import DatasetError
from aac_tf.utils.files import file_path

SPLITS = ("train", "validation", "test")


class Dataset:
    """Captioned clips, divided into the splits `train`, `validation` and `test`.

    A subclass implements `clips`. It also implements `prepare` if it has to make files before they can be read, and
    `events` if it knows when the sounds of a clip occur. `tests/contracts/dataset.py` checks all of this.

    Args:
        root: path of the dataset, or URL of a remote one, such as `s3://bucket/clips`.

    Attributes:
        root: the same, as `pathlib.Path` or `aac_tf.utils.files.RemotePath`; None if the dataset has no single one.

    Example:
        >>> import json, pathlib, tempfile
        >>> from aac_tf.datasets import Dataset, match_audio
        >>> class JSONLines(Dataset):
        ...     def clips(self, split, audio_needed=True):
        ...         path = self.root / f"{split}.jsonl"
        ...         if not path.is_file():
        ...             return None
        ...         rows = [json.loads(line) for line in path.read_text().splitlines()]
        ...         return match_audio({row["file"]: row["captions"] for row in rows}, self.root, audio_needed)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = pathlib.Path(folder, "train.jsonl").write_text('{"file": "dog.wav", "captions": ["a dog barks"]}')
        ...     clips = JSONLines(folder).clips("train", audio_needed=False)
        >>> clips[0].name, clips[0].captions
        ('dog.wav', ['a dog barks'])
    """

    def __init__(self, root):
        self.root = None if root is None else file_path(root)

    def __repr__(self):
        return f"{type(self).__name__}({self.root})"

    def prepare(self, progress=None):
        """Makes the files that the dataset reads, unless they exist; most datasets have nothing to make.

        Args:
            progress: optional function `(what) -> (function (done, total))`.

        Raises:
            DatasetError: if they cannot be made.
        """

    def check(self, audio_needed=True):
        """Checks that the dataset can be trained on, as far as can be seen before `prepare`.

        Commands call it before they import TensorFlow, so it must not need it.

        Args:
            audio_needed: bool, as for `clips`.

        Raises:
            DatasetError: if it cannot.
        """
        if type(self).prepare is Dataset.prepare:
            self.require("train", audio_needed)

    def clips(self, split, audio_needed=True):
        """Reads the clips of a split, always in the same order.

        Args:
            split: str, `train`, `validation` or `test`.
            audio_needed: bool, whether to leave out clips whose sound file is missing.

        Returns:
            `ClipList` whose clips have unique names and at least one caption each; None if there is no such split.

        Raises:
            DatasetError: if the dataset cannot be read.
        """
        raise NotImplementedError

    def events(self, split):
        """Reads which sounds occur in the clips of a split, and when.

        Args:
            split: str, as for `clips`.

        Returns:
            dict of clip name to `aac_tf.scenes.Scene`, without the clips whose events are not known; it may have more
            clips than the split. None if the dataset knows no events, or has no such split.

        Raises:
            DatasetError: if the events cannot be read.
        """
        return None

    def require(self, split, audio_needed=True):
        """Reads the clips of a split that must exist and have clips.

        Args:
            split: str, as for `clips`.
            audio_needed: bool, as for `clips`.

        Returns:
            `ClipList` with at least one clip.

        Raises:
            DatasetError: if the dataset cannot be read, has no such split, or none of the split's clips is usable.
        """
        clips = self.clips(split, audio_needed)
        if clips is None:
            existing = [name for name in SPLITS if self.clips(name, audio_needed=False) is not None]
            raise DatasetError(f"{self!r} has no {split} split; it has {', '.join(existing) or 'no split at all'}")
        if not len(clips):
            example = ": ".join(clips.left_out[0]) if clips.left_out else "the split is empty"
            raise DatasetError(f"the {split} split of {self!r} has no usable clip; for example: {example}")
        return clips

    def _check_root(self, expected):
        """Raises `DatasetError` if the root is no folder; `expected` says what should be in it."""
        if not self.root.is_dir():
            raise DatasetError(f"the folder {self.root} does not exist; expected a folder with {expected}")
