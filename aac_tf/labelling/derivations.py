"""The table of derivations, `derivations.yaml`: which sounds recordings of another sound may stand for.

Each row of a sound is a rule with these fields:

- `of`: the sound whose recordings are used.
- `ratios`: factors of speed and pitch to try; 1 leaves a recording as it is and looks for a stretch of it.
- `tempo`: whether the tempo is kept, so that only pitch and formants change, as a voice needs. Without it, a recording
  is played faster or slower.
- `pitch`: lowest and highest median pitch of the result in Hz, to tell apart what a classifier does not: laughing men
  have a mean pitch of 272 Hz, laughing women one of 405 Hz.
- `heard`: sounds, one of which a classifier must hear in the result; by default the derived sound.
- `least`: minimum score, 0.3 unless given.

Reference:
    Bachorowski, Smoski, Owren, "The acoustic features of human laughter", J. Acoust. Soc. Am. 110 (2001).
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import yaml

_PATH = pathlib.Path(__file__).with_name("derivations.yaml")


@dataclasses.dataclass(frozen=True)
class Derivation:
    """A rule of the table; the module describes its fields."""

    category: str
    of: str
    ratios: tuple[float, ...]
    tempo: bool = False
    pitch: tuple[float, float] | None = None
    heard: tuple[str, ...] = ()
    least: float = 0.3


@functools.cache
def derivations() -> tuple[Derivation, ...]:
    """The rules of the table.

    Example:
        >>> from aac_tf.labelling.derivations import derivations
        >>> next(rule for rule in derivations() if rule.category == "dog growling").of
        'dog bark'
    """
    table = yaml.safe_load(_PATH.read_text(encoding="utf-8"))
    return tuple(_rule(category, dict(row)) for category, rows in table.items() for row in rows)


def _rule(category, row):
    pitch = row.get("pitch")
    return Derivation(
        category,
        row["of"],
        tuple(row["ratios"]),
        row.get("tempo", False),
        (pitch[0], pitch[1]) if pitch else None,
        tuple(row.get("heard", [category])),
        row.get("least", 0.3),
    )
