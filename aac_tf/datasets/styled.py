"""A dataset whose captions have a style."""

import dataclasses

from aac_tf.datasets.clips import ClipList
from aac_tf.datasets.wrapper import DatasetWrapper


class Styled(DatasetWrapper):
    """Gives a style to the clips of a dataset that have none.

    Args:
        dataset: `Dataset`.
        style: str, see `Clip`.

    Example:
        >>> from aac_tf.datasets import Clip, ClipList, Dataset, Styled
        >>> class Letters(Dataset):
        ...     def clips(self, split, audio_needed=True):
        ...         return ClipList([Clip("a", "a", ["a letter"]), Clip("b", "b", ["b"], style="terse")])
        >>> [clip.style for clip in Styled(Letters(None), "wordy").clips("train")]
        ['wordy', 'terse']
    """

    def __init__(self, dataset, style):
        super().__init__(dataset)
        self.style = style

    def clips(self, split, audio_needed=True):
        clips = self.dataset.clips(split, audio_needed)
        if clips is None:
            return None
        styled = [dataclasses.replace(clip, style=clip.style or self.style) for clip in clips]
        return ClipList(styled, clips.left_out)
