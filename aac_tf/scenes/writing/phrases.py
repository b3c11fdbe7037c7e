"""How written captions name sounds: the table `phrases.yaml`.

A sound has these fields, lists separated by commas. `*3` after an item is its weight, 1 without it; `@man` stands for
the items of a group.

- `say`: list of "subjects | predicates"; each of the subjects, of which `+` marks plurals, goes with each of the
  predicates, which are in the base form: "a dog, dogs+ | bark".
- `names`: what the sound is called without a verb: "applause".
- `how`: adverbs; those that `caption_words.yaml` lists as descriptions say something about the sound, the others are
  neutral.
- `adjectives`: adjectives of the subjects. What may be "in the distance" may be "distant", too, except for people.

What a phrase means is not in the table: it is what the parser of captions reads in it. So two dogs are two sounds, and
a car that drives away fades.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import itertools
import pathlib
import re
import typing
from collections.abc import Mapping, Sequence

import numpy as np

from aac_tf.scenes import caption_words
from aac_tf.scenes.caption_tokens import PERSONS
from aac_tf.scenes.inflection import verb_forms
from aac_tf.scenes.script import ScriptedSound
from aac_tf.scenes.scripts import ScriptError, read_script
from aac_tf.scenes.sounds import SOUNDS
from aac_tf.utils.yaml_tables import load_table

Meaning = tuple[ScriptedSound, ...]
Setting = tuple[str, typing.Any]  # a field of `ScriptedSound` and its value
Weighted = list[tuple[typing.Any, float]]

_PATH = pathlib.Path(__file__).with_name("phrases.yaml")


@dataclasses.dataclass(frozen=True)
class Phrase:
    """A subject and its predicate.

    Args:
        subject: "a dog".
        predicate: "bark", "drive away", "is flushed".
        plural: whether the subject is a plural.
    """

    subject: str
    predicate: str
    plural: bool = False

    def verb(self, form: str) -> str:
        """The predicate in the present ("p", "barks") or as a participle ("n", "barking")."""
        passive = self.predicate.removeprefix("is ")
        if passive != self.predicate:
            return f"being {passive}" if form == "n" else f"{'are' if self.plural else 'is'} {passive}"
        kind = "ing" if form == "n" else "base" if self.plural else "s"
        return next(text for text, name in verb_forms(self.predicate).items() if name == kind)

    def clause(self, form: str, subject: str = "") -> str:
        """Subject and predicate.

        Args:
            form: "p", "a dog barks"; "g", "a dog is barking"; "n", "a dog barking"; "h", "a dog can be heard barking".
            subject: another form of the subject; an empty string takes its own.

        Returns:
            The clause.
        """
        between = {"g": "are" if self.plural else "is", "h": "can be heard"}.get(form, "")
        verb = self.verb("p" if form == "p" else "n")
        return " ".join(filter(None, [subject or self.subject, between, verb]))


@dataclasses.dataclass(frozen=True)
class Kind:
    """The phrases for a sound.

    Args:
        phrases: {meaning: weighted phrases}.
        names: {meaning: weighted names}.
        adverbs: weighted adverbs.
        adjectives: weighted adjectives.
    """

    phrases: Mapping[Meaning, Weighted]
    names: Mapping[Meaning, Weighted]
    adverbs: Weighted
    adjectives: Weighted


def setting_of(word: str) -> Setting | None:
    """What an adverb or adjective says; None if it is neutral."""
    return caption_words.DESCRIPTIONS.get(word)


def read_weighted(cell: str, groups: Mapping[str, str] | None = None) -> Weighted:
    """Reads a list of items with weights.

    Example:
        >>> from aac_tf.scenes.writing.phrases import read_weighted
        >>> read_weighted("a cat*3, @dogs", {"dogs": "a dog*2, dogs+"})
        [('a cat', 3.0), ('a dog', 2.0), ('dogs+', 1.0)]
    """
    items: Weighted = []
    for item in re.split(r"\s*,\s*", cell.strip()):
        if item.startswith("@"):
            items += read_weighted((groups or {})[item[1:]], groups)
        elif item:
            text, _, weight = item.partition("*")
            items.append((text, float(weight or 1)))
    return items


def choose(items: Weighted, rng: np.random.Generator) -> typing.Any:
    """Draws one of some weighted items."""
    bounds = list(itertools.accumulate(weight for _, weight in items))
    return items[min(bisect.bisect(bounds, rng.random() * bounds[-1]), len(items) - 1)][0]


@functools.cache
def _table():
    table = load_table(_PATH.read_text(encoding="utf-8"))
    return table["groups"], table["phrases"]


def rows() -> Mapping[str, Mapping]:
    """The rows of `phrases.yaml` by their category."""
    return _table()[1]


@functools.cache
def kind_of(category: str) -> Kind:
    """The phrases for a sound of the table of sounds.

    Without a row in `phrases.yaml`, they are its `words` in `sounds.yaml`; a sound whose words the parser does not
    understand has none.

    Raises:
        ScriptError: if the parser does not understand a phrase of `phrases.yaml`.
    """
    groups, row = _table()[0], rows().get(category)
    subject, verb, participle = SOUNDS[category].words
    phrases: dict[Meaning, Weighted] = {}
    if row is None:
        try:
            meaning = read_script(f"{subject} {verb}").sounds
        except ScriptError:
            return Kind({}, {}, [], [])
        if {sound.category for sound in meaning} != {category}:
            return Kind({}, {}, [], [])
        return Kind(
            {meaning: [(_Fixed(subject, verb, not verb.split()[0].endswith("s"), participle), 1.0)]}, {}, [], []
        )
    for line in row["say"]:
        subjects, predicates = (read_weighted(part, groups) for part in line.split("|"))
        total = sum(weight for _, weight in predicates)
        for subject, weight in subjects:
            for predicate, share in predicates:
                phrase = Phrase(subject.rstrip("+"), predicate, subject.endswith("+"))
                meaning = read_script(phrase.clause("p")).sounds
                phrases.setdefault(meaning, []).append((phrase, weight * share / total))
    names: dict[Meaning, Weighted] = {}
    for name, weight in read_weighted(row.get("names", "")):
        names.setdefault(read_script(name).sounds, []).append((name, weight))
    adverbs = read_weighted(row.get("how", ""), groups)
    adjectives = read_weighted(row.get("adjectives", ""), groups)
    far = any(setting_of(word) == ("distant", True) for word, _ in adverbs)
    if far and not any(word == "distant" for word, _ in adjectives) and not _is_human(phrases):
        adjectives.append(("distant", 1.0))
    return Kind(phrases, names, adverbs, adjectives)


@dataclasses.dataclass(frozen=True)
class _Fixed(Phrase):
    """A phrase whose forms the table of sounds gives."""

    participle: str = ""

    def verb(self, form):
        return self.participle if form == "n" else self.predicate


def _is_human(phrases: Mapping[Meaning, Sequence]) -> bool:
    subjects = {phrase.subject.split(" ", 1)[-1] for found in phrases.values() for phrase, _ in found}
    return bool(subjects & (PERSONS | {"two men", "children"}))
