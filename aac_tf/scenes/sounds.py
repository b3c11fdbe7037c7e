"""The table of sounds, `sounds.yaml`: how each sound is named by labels, by our captions and by human captions.

The fields of a sound are lists of words and phrases, separated by commas:

- `words`: its wording in captions that templates write: subject, verb, participle.
- `keys`: words, each of which names this sound and no other in a caption. Without this field, they are derived from
  the fields that follow.
- `nouns`: what makes the sound. `!` after a noun means that it names the sound on its own, without a verb ("rain", but
  not "a door"); `|` that it has no other number; `@man` stands for the nouns of a class.
- `verbs`: what these nouns do when they make this sound. `!` means that it names the sound without a noun ("barking").
  "is fired" is a verb of which only this participle counts.
- `also`: more nouns; and, after a semicolon, what they do.
- `names`: names of the sound itself ("applause").
- `context`: words that may be in a caption because of this sound ("keyboard" in "typing on a keyboard").
- `labels`: what other vocabularies call the sound: those of ESC-50, UrbanSound8K, FSD50K, AudioSet and sound libraries.
- `members`: sounds, each of which is one of this kind ("car passing" is a "vehicle").
- `parts`: sounds that together are this one.
- `instead` and `beside`: a noun that means this sound in captions that also name one of the sounds `beside` ("a horn"
  beside a train).
- `sustained`: whether it is steady enough to be the background of others.
- `moves`: whether its source can approach, pass and recede.
- `place`: whether other sounds can be said to be in it ("in the rain").
"""

from __future__ import annotations

import dataclasses
import pathlib
import re

from aac_tf.utils.yaml_tables import load_table

_PATH = pathlib.Path(__file__).with_name("sounds.yaml")


@dataclasses.dataclass(frozen=True)
class Term:
    """A noun, verb or name of a sound.

    Args:
        text: the phrase.
        alone: whether it names the sound on its own.
        fixed: whether it is not inflected.
        of_class: whether it comes from a class of nouns.
    """

    text: str
    alone: bool = False
    fixed: bool = False
    of_class: bool = False


@dataclasses.dataclass(frozen=True)
class Sound:
    """A row of the table; the module describes its fields."""

    category: str
    words: tuple[str, str, str]
    keys: tuple[str, ...] = ()
    nouns: tuple[Term, ...] = ()
    verbs: tuple[Term, ...] = ()
    also: tuple[tuple[Term, ...], tuple[Term, ...]] = ((), ())
    names: tuple[Term, ...] = ()
    context: frozenset[str] = frozenset()
    labels: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    sustained: bool = False
    moves: bool = False
    place: bool = False
    instead: str = ""
    beside: tuple[str, ...] = ()

    @property
    def frames(self) -> tuple[tuple[tuple[Term, ...], tuple[Term, ...]], ...]:
        """Nouns and the verbs that each of them may have."""
        return (self.nouns, self.verbs), self.also


def _split(cell):
    return tuple(item for item in re.split(r"\s*,\s*", (cell or "").strip()) if item)


def _terms(cell, classes):
    terms = []
    for item in _split(cell):
        if item.startswith("@"):
            terms += [dataclasses.replace(term, of_class=True) for term in classes[item[1:]]]
        else:
            terms.append(Term(item.strip("!|"), "!" in item, "|" in item))
    return tuple(terms)


def _read():
    table = load_table(_PATH.read_text(encoding="utf-8"))
    classes = {}
    for name, cell in table["classes"].items():
        classes[name] = _terms(cell, classes)
    sounds = {}
    for category, row in table["sounds"].items():
        subject, verb, participle = (cell.strip() for cell in row["words"].split("|"))
        sounds[category] = Sound(
            category,
            (subject, verb, participle),
            **{name: _terms(row.get(name), classes) for name in ("nouns", "verbs", "names")},
            **{name: _split(row.get(name)) for name in ("keys", "labels", "members", "parts", "beside")},
            **{name: row.get(name, False) for name in ("sustained", "moves", "place")},
            also=tuple(_terms(cell, classes) for cell in (row.get("also") or ";").split(";")),
            instead=row.get("instead", ""),
            context=frozenset(_split(row.get("context"))),
        )
    return sounds, {name: frozenset(term.text for term in terms) for name, terms in classes.items()}


SOUNDS, CLASSES = _read()
