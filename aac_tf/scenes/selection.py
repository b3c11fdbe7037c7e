"""Which scripts a bank can render, and in which split."""

from __future__ import annotations

import collections
import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence

from aac_tf.datasets import SPLITS
from aac_tf.scenes.banks import Bank
from aac_tf.scenes.script import Script, ScriptedSound
from aac_tf.scenes.wording import categories_for
from aac_tf.utils.counting import counted

SHARES = {"train": 0.9, "validation": 0.05, "test": 0.05}  # of the clips, by their hash
Sounds = tuple[ScriptedSound, ...]


@dataclasses.dataclass(frozen=True)
class Selection:
    """The scripts of a corpus.

    Args:
        scripts: {split: scripts to render}, in random order.
        references: {split: {(sounds, style): all captions of the split's scripts with exactly these sounds and this
            style}}.
        captions: number of captions, including those that were not understood.
        read: number of scripts.
        usable: number of scripts for whose sounds there are recordings to train on.
        wanted: {category: number of scripts that need it}, of categories without recordings, the most wanted first.
    """

    scripts: Mapping[str, Sequence[Script]]
    references: Mapping[str, Mapping[tuple[Sounds, str], Sequence[str]]]
    captions: int
    read: int
    usable: int
    wanted: Mapping[str, int]

    def describe(self, count: int = 10) -> str:
        """A sentence about what can be composed, with the most wanted sounds."""
        text = f"{self.usable:,} of {counted(self.captions, 'caption')} can be composed"
        if self.wanted:
            named = ", ".join(f"{name} {number:,}" for name, number in list(self.wanted.items())[:count])
            text += f"; most wanted sounds without recordings: {named}"
        return text


def select_scripts(
    scripts: Iterable[Script], bank: Bank, seed: int = 0, max_alike: int | None = None, captions: int | None = None
) -> Selection:
    """Selects the scripts that a bank can render and divides them into splits by their clips, 90/5/5.

    Args:
        scripts: all scripts.
        bank: bank of sounds. A script of a split uses only categories that have sounds in the split.
        seed: seed of the order of the scripts.
        max_alike: maximum number of scripts of a split with exactly the same sounds and style; None takes all.
        captions: number of captions that the scripts were read from; None takes that of the scripts.

    Returns:
        `Selection`.

    Example:
        >>> from aac_tf.scenes.banks import SyntheticBank
        >>> from aac_tf.scenes.script import Script, ScriptedSound
        >>> from aac_tf.scenes.selection import select_scripts
        >>> scripts = [Script(f"a {name} rings", (ScriptedSound(name),), "1.wav") for name in ("phone", "bicycle bell")]
        >>> select_scripts(scripts, SyntheticBank()).describe()
        '1 of 2 captions can be composed; most wanted sounds without recordings: bicycle bell 1'
    """
    have = {split: _categories_of(bank, split) for split in SPLITS}
    wanted: collections.Counter = collections.Counter()
    read = usable = 0
    chosen: dict[str, list[Script]] = {split: [] for split in SPLITS}
    texts: dict[str, dict[tuple[Sounds, str], dict[str, None]]] = {split: {} for split in SPLITS}
    for script in sorted(set(scripts), key=lambda script: _hash(script, seed)):
        read += 1
        categories = {sound.category for sound in script.sounds}
        missing = {name for name in categories if not have["train"](name)}
        wanted.update(missing)
        usable += not missing
        split = _split(script)
        if not all(have[split](name) for name in categories):
            continue
        alike = texts[split].setdefault((script.sounds, script.style), {})
        if max_alike is None or len(alike) < max_alike:
            chosen[split].append(script)
        alike[script.caption] = None
    found = {split: {key: sorted(alike) for key, alike in known.items()} for split, known in texts.items()}
    order = sorted(wanted.items(), key=lambda item: (-item[1], item[0]))
    return Selection(chosen, found, read if captions is None else captions, read, usable, dict(order))


def _categories_of(bank, split):
    """Function from a category to those of the split that stand for it."""
    available = frozenset(bank.available(split))
    return functools.cache(lambda category: categories_for(category, available))


def _hash(script, seed):
    return hashlib.sha256(f"{seed}\n{script}".encode()).digest()


def _split(script):
    # Clips are divided alike with every seed, so that no clip changes the side when scenes are composed anew.
    digest = hashlib.sha256((script.clip or script.caption).encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    bounds = itertools.accumulate(SHARES[split] for split in SPLITS)
    return next((split for split, bound in zip(SPLITS, bounds) if place < bound), SPLITS[-1])
