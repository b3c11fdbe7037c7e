"""The first clips of a dataset, for a quick look."""

from aac_tf.datasets.clips import ClipList
from aac_tf.datasets.wrapper import DatasetWrapper


class FirstClips(DatasetWrapper):
    """Keeps the first clips of each split.

    Args:
        dataset: `Dataset`.
        count: int, maximum number of clips of a split.

    Raises:
        ValueError: if the count is below 1.

    Example:
        >>> from aac_tf.datasets import Clip, ClipList, Dataset, FirstClips
        >>> class Letters(Dataset):
        ...     def clips(self, split, audio_needed=True):
        ...         return ClipList([Clip(name, name, ["a letter"]) for name in "abcde"])
        >>> [clip.name for clip in FirstClips(Letters(None), 2).clips("train")]
        ['a', 'b']
    """

    def __init__(self, dataset, count):
        if count < 1:
            raise ValueError(f"the number of clips to keep must be at least 1; got {count}")
        super().__init__(dataset)
        self.count = count

    def clips(self, split, audio_needed=True):
        clips = self.dataset.clips(split, audio_needed)
        return None if clips is None else ClipList(clips.clips[: self.count], clips.left_out)
