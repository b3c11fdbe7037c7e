"""A validation split made from training clips."""

import numpy as np

from aac_tf.datasets.clips import ClipList
from aac_tf.datasets.wrapper import DatasetWrapper


class HeldOut(DatasetWrapper):
    """Holds out training clips for validation if a dataset has no validation split.

    A dataset that has one is left as it is.

    Args:
        dataset: `Dataset`.
        fraction: float between 0 and 1, share of the training clips that become validation clips; at least one does.
        seed: int, seed of the choice.

    Raises:
        ValueError: if the fraction is out of range.

    Example:
        >>> from aac_tf.datasets import Clip, ClipList, Dataset, HeldOut
        >>> class Letters(Dataset):
        ...     def clips(self, split, audio_needed=True):
        ...         return ClipList([Clip(name, name, ["a letter"]) for name in "abcde"]) if split == "train" else None
        >>> dataset = HeldOut(Letters(None), fraction=0.4, seed=0)
        >>> [[clip.name for clip in dataset.clips(split)] for split in ("train", "validation")]
        [['a', 'b', 'd'], ['c', 'e']]
    """

    def __init__(self, dataset, fraction, seed):
        if not 0 < fraction < 1:
            raise ValueError(f"the fraction held out must lie between 0 and 1; got {fraction}")
        super().__init__(dataset)
        self.fraction = fraction
        self.seed = seed

    def clips(self, split, audio_needed=True):
        if not self._divides(split, audio_needed):
            return self.dataset.clips(split, audio_needed)
        clips = self.dataset.clips("train", audio_needed)
        if clips is None:
            return None
        order = np.random.default_rng(self.seed).permutation(len(clips))
        held = set(order[: max(1, round(len(clips) * self.fraction))].tolist())
        chosen = [clip for index, clip in enumerate(clips) if (index in held) == (split == "validation")]
        return ClipList(chosen, clips.left_out)

    def events(self, split):
        return self.dataset.events("train" if self._divides(split, audio_needed=False) else split)

    def _divides(self, split, audio_needed):
        return split in ("train", "validation") and self.dataset.clips("validation", audio_needed) is None
