"""Several datasets as one."""

import dataclasses

from aac_tf.datasets.base import Dataset
from aac_tf.datasets.clips import ClipList


class Mixture(Dataset):
    """The clips of several datasets, one dataset after another.

    A clip `dog.wav` of the dataset named `clotho` is called `clotho/dog.wav`. A split holds the clips of all datasets
    that have it; it is None if no dataset has it.

    Args:
        parts: list of (name, `Dataset`, weight). An epoch of training takes each caption of the dataset `weight` times.

    Raises:
        ValueError: if there are no parts, a name is empty, has a slash or occurs twice, or a weight is not a positive
            integer.

    Example:
        >>> from aac_tf.datasets import Clip, ClipList, Dataset, Mixture
        >>> class Letters(Dataset):
        ...     def clips(self, split, audio_needed=True):
        ...         return ClipList([Clip(name, name, ["a letter"]) for name in "ab"]) if split == "train" else None
        >>> mixture = Mixture([("first", Letters(None), 1), ("second", Letters(None), 3)])
        >>> [(clip.name, clip.weight) for clip in mixture.clips("train")]
        [('first/a', 1), ('first/b', 1), ('second/a', 3), ('second/b', 3)]
    """

    def __init__(self, parts):
        super().__init__(None)
        self.parts = list(parts)
        names = [name for name, _, _ in self.parts]
        # With a slash in a name, clips of different parts could get the same name.
        if not names or len(set(names)) < len(names) or any(not name or "/" in name for name in names):
            raise ValueError(f"the parts of a mixture need unique names without slashes; got {names}")
        for name, _, weight in self.parts:
            if not isinstance(weight, int) or weight < 1:
                raise ValueError(f"the weight of {name} must be a positive integer; got {weight!r}")

    def __repr__(self):
        return f"Mixture({', '.join(f'{name}={dataset!r}' for name, dataset, _ in self.parts)})"

    def check(self, audio_needed=True):
        for _, dataset, _ in self.parts:
            dataset.check(audio_needed)

    def prepare(self, progress=None):
        for _, dataset, _ in self.parts:
            dataset.prepare(progress)

    def clips(self, split, audio_needed=True):
        found = [(name, dataset.clips(split, audio_needed), weight) for name, dataset, weight in self.parts]
        found = [part for part in found if part[1] is not None]
        if not found:
            return None
        return ClipList(
            [
                dataclasses.replace(clip, name=f"{name}/{clip.name}", weight=clip.weight * weight)
                for name, clips, weight in found
                for clip in clips
            ],
            [(f"{name}/{file}", reason) for name, clips, _ in found for file, reason in clips.left_out],
        )

    def events(self, split):
        """Reads the events of the datasets that know theirs; the clips of the others are not in the result."""
        found = {name: dataset.events(split) for name, dataset, _ in self.parts}
        if all(events is None for events in found.values()):
            return None
        return {f"{name}/{clip}": scene for name, events in found.items() for clip, scene in (events or {}).items()}
