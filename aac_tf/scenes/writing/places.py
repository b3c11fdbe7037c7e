"""Which sounds occur together: the table `places.yaml`.

- `places`: each has a weight, the `sounds` that occur in it, and its `beds`, over which others are heard.
- `sequences`: pairs of sounds, the second of which often follows the first.
- `apart`: sets of sounds; a scene has at most one of each set.
- `in turn`: sets of sounds that are heard one at a time.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence

from aac_tf.scenes.writing.phrases import Weighted, read_weighted
from aac_tf.utils.yaml_tables import load_table

_PATH = pathlib.Path(__file__).with_name("places.yaml")


@dataclasses.dataclass(frozen=True)
class Place:
    """A place and its sounds.

    Args:
        name: its name.
        weight: how often it is drawn.
        sounds: weighted categories of the sounds in the foreground.
        beds: weighted categories of those over which others are heard.
    """

    name: str
    weight: float
    sounds: Weighted
    beds: Weighted


@dataclasses.dataclass(frozen=True)
class Places:
    """The whole table.

    Args:
        places: all places.
        followers: {category: weighted categories that often follow it}.
        apart: sets of sounds; a scene has at most one of each set.
        in_turn: sets of sounds that are heard one at a time.
    """

    places: Sequence[Place]
    followers: Mapping[str, Weighted]
    apart: Sequence[frozenset[str]]
    in_turn: Sequence[frozenset[str]]


@functools.cache
def places() -> Places:
    """Reads the table.

    Example:
        >>> from aac_tf.scenes.writing.places import places
        >>> [name for name, _ in places().followers["doorbell"]]
        ['dog bark']
    """
    table = load_table(_PATH.read_text(encoding="utf-8"))
    found = [
        Place(name, float(row["weight"]), read_weighted(row["sounds"]), read_weighted(row["beds"]))
        for name, row in table["places"].items()
    ]
    followers: dict[str, Weighted] = {}
    for pair, weight in read_weighted(table["sequences"]):
        first, second = pair.split(" > ")
        followers.setdefault(first, []).append((second, weight))
    apart, in_turn = (
        [frozenset(name for name, _ in read_weighted(row)) for row in table[field]] for field in ("apart", "in turn")
    )
    return Places(found, followers, apart, in_turn)
