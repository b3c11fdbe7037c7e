"""The base class of datasets that change another one."""

from aac_tf.datasets.base import Dataset


class DatasetWrapper(Dataset):
    """A dataset with the clips of another one; a subclass overrides what it changes.

    Args:
        dataset: `Dataset` to wrap.
    """

    def __init__(self, dataset):
        super().__init__(dataset.root)
        self.dataset = dataset

    def __repr__(self):
        return repr(self.dataset)

    def check(self, audio_needed=True):
        self.dataset.check(audio_needed)

    def prepare(self, progress=None):
        self.dataset.prepare(progress)

    def clips(self, split, audio_needed=True):
        return self.dataset.clips(split, audio_needed)

    def events(self, split):
        return self.dataset.events(split)
