"""The words of captions that are not sounds, `caption_words.yaml`: order, place, number, level, and neutral words.

- `links` between two sounds. `then`: the second follows the first; `after`: the first follows the second; `while`: both
  occur at once; `and`: the second is added to the first.
- `descriptions`: phrases that set a field of `ScriptedSound` to a value; `when` moves the sound to a step of its own.
- `quantifiers`: how many sources or sounds; 0 stands for several.
- `typical`: words that hold for nearly every recording of some sounds, and may describe these alone: a siren is "high
  pitched". Before a place ("a small room"), any of them may stand.
- `words`:
    - `adjectives`: descriptions that belong to what comes after them ("a distant siren"); the others belong to what was
      said before, if anything was;
    - `being_heard`: they say of a noun that it is heard; `sound_words`: the same, as nouns;
    - `of`: what joins a sound and its source ("the barking of a dog");
    - `using`: after it comes the thing that sounds, in place of the person who uses it;
    - `with`: links whose descriptions belong to all sounds that they add ("with birds and people in the background");
    - `auxiliaries`: verbs that may stand before another verb ("starts barking");
    - `transitive`: verbs whose object sounds ("opens a door");
    - `striking`: verbs whose object does not sound on its own ("rain hits the windows");
    - `owners`: determiners before a sound that may have been named before ("his speech echoes");
    - `places`: prepositions before a sound that others are in ("in the rain");
    - `by_places`: links that are prepositions before a place ("over a bridge");
    - `qualities`: adjectives that no sound contradicts; `settings`: places that may follow a preposition, for the same
      reason; `neutral`: anything else that no sound contradicts.

A word belongs in here only if no scene can contradict it. "Long" does not, since scenes do not make sounds longer.
In every list, "over/through a/the radio" stands for all combinations of these words, and "_" for no word.
"""

from __future__ import annotations

import itertools
import pathlib
import typing

from aac_tf.utils.yaml_tables import load_table


def _split(cell):
    """The phrases of a list; "over/through a/the radio" stands for all four, and "_" for no word."""
    return [
        " ".join(word for word in words if word != "_")
        for phrase in str(cell).split(",")
        for words in itertools.product(*(word.split("/") for word in phrase.split()))
    ]


_TABLE = load_table(pathlib.Path(__file__).with_name("caption_words.yaml").read_text(encoding="utf-8"))

LINKS: dict[str, list[str]] = {link: _split(cell) for link, cell in _TABLE["links"].items()}
DESCRIPTIONS: dict[str, tuple[str, typing.Any]] = {
    phrase: (field, value)
    for field, values in _TABLE["descriptions"].items()
    for value, cell in values.items()
    for phrase in _split(cell)
}
QUANTIFIERS: dict[str, int] = {
    phrase: number for number, cell in _TABLE["quantifiers"].items() for phrase in _split(cell)
}
# {category: words that may describe it}.
TYPICAL: dict[str, set[str]] = {}
for _row in _TABLE["typical"].values():
    for _category in _split(_row["sounds"]):
        TYPICAL.setdefault(_category, set()).update(_split(_row["words"]))
WORDS: dict[str, frozenset[str]] = {name: frozenset(_split(cell)) for name, cell in _TABLE["words"].items()}
