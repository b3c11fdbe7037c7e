"""How the sounds of scenes are put into words, for the captions written and for the words looked for."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable

from aac_tf.scenes.sound_keys import derive_keys
from aac_tf.scenes.sounds import SOUNDS


@dataclasses.dataclass(frozen=True)
class Wording:
    """The words for a category of sound.

    Args:
        present: clause in the simple present, "a dog barks".
        progressive: clause in the present progressive, "a dog is barking".
        noun: noun phrase, "a dog barking".
        keys: words or word sequences, each of which names the sound.
        sustained: whether the sound is steady enough to be the background of others.
        members: categories, each of which is one of this kind; `categories_for` resolves them.
    """

    present: str
    progressive: str
    noun: str
    keys: tuple[str, ...]
    sustained: bool = False
    members: tuple[str, ...] = ()


def _wording(sound):
    subject, verb, participle = sound.words
    return Wording(
        present=f"{subject} {verb}",
        progressive=f"{subject} {'is' if verb.split()[0].endswith('s') else 'are'} {participle}",
        noun=f"{subject} {participle}",
        keys=_KEYS[sound.category],
        sustained=sound.sustained,
        members=sound.members,
    )


# `Ship horn". Original "ship2.aif" by ...`, as lists of credits give them.
_ATTRIBUTION = re.compile(r"\"\s*\.\s")
_KEYS = derive_keys()
WORDINGS = {category: _wording(sound) for category, sound in SOUNDS.items()}


def _label_words(label):
    # Vocabularies write "Male speech, man speaking" and "Male_speech_and_man_speaking".
    return " ".join(word for word in words_of(label.replace("_", " ")) if word not in ("and", "or"))


def canonical_category(label: str) -> str:
    """The category that a label stands for.

    Args:
        label: a label as corpora spell it; a quote and a full stop end it, as in lists of credits.

    Returns:
        The category's name in the table; for an unknown label, the label itself in lower case and without punctuation.

    Example:
        >>> from aac_tf.scenes.wording import canonical_category
        >>> canonical_category("Sea_Waves"), canonical_category("Zither_Pluck")
        ('waves', 'zither pluck')
    """
    label = _ATTRIBUTION.split(label)[0]
    words = _label_words(label)
    return _NAMES.get(words) or _PHRASES.get(words) or " ".join(words_of(label.replace("_", " ")))


def categories_for(category: str, available: Iterable[str]) -> tuple[str, ...]:
    """The categories whose sounds can be used for a category.

    Args:
        category: a category of the table, or any other label.
        available: categories that have sounds, such as `Bank.categories`.

    Returns:
        Those of `available` that are the category or, directly or through others, its members; sorted, maybe empty.

    Example:
        >>> from aac_tf.scenes.wording import categories_for
        >>> categories_for("vehicle", ["bus", "car passing", "dog bark"]), categories_for("zither", ["dog bark"])
        (('bus', 'car passing'), ())
    """
    return tuple(sorted(_family(category) & set(available)))


def same_kind(category: str, other: str) -> bool:
    """Whether two sounds are the same, or one is a kind of the other.

    Example:
        >>> from aac_tf.scenes.wording import same_kind
        >>> same_kind("vehicle", "bus"), same_kind("bus", "vehicle"), same_kind("bus", "car passing")
        (True, True, False)
    """
    return bool(categories_for(category, [other]) or categories_for(other, [category]))


@functools.cache
def _family(category):
    members = SOUNDS[category].members if category in SOUNDS else ()
    return frozenset({category}).union(*map(_family, members))


def wording(category: str) -> Wording:
    """The words for a category.

    Args:
        category: a category of the table, or any other label.

    Returns:
        Its `Wording`; an unknown category is worded with its own label.

    Example:
        >>> from aac_tf.scenes.wording import wording
        >>> wording("dog bark").progressive, wording("zither pluck").noun
        ('a dog is barking', 'the sound of zither pluck')
    """
    known = WORDINGS.get(category)
    return known or Wording(
        f"{category} is heard", f"{category} can be heard", f"the sound of {category}", keys=(category,)
    )


def words_of(text: str) -> list[str]:
    """Splits a text into lower-case words without punctuation."""
    return re.findall(r"\w+", text.lower())


_NAMES = {_label_words(label): category for category, sound in SOUNDS.items() for label in sound.labels} | {
    _label_words(category): category for category in SOUNDS
}
# "duck quacking" is a label, too; a single word may mean something else than in a caption.
_PHRASES = {key: category for category, keys in _KEYS.items() for key in keys if " " in key}
