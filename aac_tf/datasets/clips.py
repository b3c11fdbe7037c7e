"""Captioned clips, and the list of them that makes up a split."""

from __future__ import annotations

import dataclasses
import re

from aac_tf.datasets.errors import DatasetError


@dataclasses.dataclass(frozen=True)
class Clip:
    """A sound file and its captions.

    Args:
        name: file name in the dataset, unique within its split; predictions and references are matched by it.
        path: path of the file.
        captions: the reference captions.
        weight: how many times an epoch of training takes each of its captions.
        style: way of speaking of its captions, such as `clotho` for that of Clotho's annotators; None for no style.

    Raises:
        DatasetError: if the weight is not a positive integer, or the style is `none`, which stands for no style, or has
            other characters than letters, digits and `_ . -`.

    Example:
        >>> from aac_tf.datasets import Clip
        >>> Clip("dog.wav", "sounds/dog.wav", ["a dog barks", "barking"], weight=2).weight
        2
    """

    name: str
    path: str
    captions: list[str]
    weight: int = 1
    style: str | None = None

    def __post_init__(self):
        if not isinstance(self.weight, int) or self.weight < 1:
            raise DatasetError(f"the weight of clip {self.name} must be a positive integer; got {self.weight!r}")
        if self.style is not None and (self.style == "none" or not re.fullmatch(r"[\w.-]+", self.style)):
            raise DatasetError(
                f"the style of clip {self.name} must be a word of letters, digits and _ . - other than none; got "
                f"{self.style!r}"
            )


@dataclasses.dataclass
class ClipList:
    """The clips of a split, and the files left out of it.

    Args:
        clips: the usable clips.
        left_out: (name, reason) of each file that cannot be used.
        seconds: total length of the clips, once their files were read; None before.

    Example:
        >>> from aac_tf.datasets import Clip, ClipList
        >>> clips = ClipList([Clip("dog.wav", "dog.wav", ["a dog barks"])], left_out=[("cat.wav", "has no captions")])
        >>> len(clips), clips[0].name, [clip.captions for clip in clips]
        (1, 'dog.wav', [['a dog barks']])
    """

    clips: list[Clip]
    left_out: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    seconds: float | None = None

    def __len__(self):
        return len(self.clips)

    def __iter__(self):
        return iter(self.clips)

    def __getitem__(self, index):
        return self.clips[index]
