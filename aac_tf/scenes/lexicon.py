"""Dividing a caption into words and phrases whose kind is known."""

from __future__ import annotations

import dataclasses
import functools
import re

from aac_tf.scenes import caption_words as known
from aac_tf.scenes.inflection import plural, verb_forms
from aac_tf.scenes.sounds import SOUNDS

_NO_KINDS = frozenset(
    {"adjectives", "with", "auxiliaries", "transitive", "striking", "owners", "places", "by_places"}
)  # subsets of others


@dataclasses.dataclass(frozen=True)
class Token:
    """A word or phrase of a caption. A phrase may have several kinds: "a whistle" and "whistles".

    Args:
        text: the phrase.
        kinds: its kinds: names of lists in `caption_words.yaml`, "noun", "verb", "name" or "context".
        noun: the noun in the singular.
        many: whether the noun or name is a plural that counts sources or sounds.
        verbs: verbs of which it is a form.
        form: form of the verb: "base", "s", "ing" or "ed".
        name: the category of which it is a name.
    """

    text: str
    kinds: frozenset[str]
    noun: str = ""
    many: bool = False
    verbs: tuple[str, ...] = ()
    form: str = ""
    name: str = ""


@dataclasses.dataclass(frozen=True)
class Lexicon:
    """What the table of sounds says about nouns and verbs.

    Args:
        tokens: {words: token}.
        longest: number of words of the longest phrase.
        pairs: {(noun, verb): category}.
        nouns: {noun that names a sound on its own: category}.
        verbs: {verb that names a sound on its own: category}.
        singulars: {plural that is a noun of its own: its singular}.
        instead: {noun: category that it names beside some other sounds}.
    """

    tokens: dict[tuple[str, ...], Token]
    longest: int
    pairs: dict[tuple[str, str], str]
    nouns: dict[str, str]
    verbs: dict[str, str]
    singulars: dict[str, str]
    instead: dict[str, str]


@functools.lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon of the table of sounds and of `caption_words`."""
    entries: dict[tuple[str, ...], dict] = {}

    def add(phrase, kind, **values):
        entry = entries.setdefault(tuple(phrase.split()), {"kinds": set(), "verbs": {}})
        entry["kinds"].add(kind)
        entry["verbs"].update(dict.fromkeys(values.pop("verbs", ())))
        entry.update(values)

    pairs, nouns, verbs, singulars = {}, {}, {}, {}
    fixed = {term.text for sound in SOUNDS.values() for nouns, _ in sound.frames for term in nouns if term.fixed}
    for sound in SOUNDS.values():
        for sound_nouns, sound_verbs in sound.frames:
            for term in sound_nouns:
                if term.alone:
                    nouns[term.text] = sound.category
                add(term.text, "noun", noun=term.text, many=False)
                many = "" if term.fixed else plural(term.text)
                if many in fixed and many != term.text:
                    singulars[many] = term.text
                if many:
                    add(many, "noun", noun=many if many in fixed else term.text, many=many not in (term.text, *fixed))
                pairs.update({(term.text, verb.text): sound.category for verb in sound_verbs})
            for term in sound_verbs:
                if term.alone:
                    verbs.setdefault(term.text, sound.category)  # the general sound comes first
                for form, kind in verb_forms(term.text).items():
                    add(form, "verb", verbs=[term.text], form=kind)
        names = {term.text for term in sound.names}
        for term in sound.names:
            add(term.text, "name", name=sound.category)
            many = plural(term.text)
            if many and many not in names and not sound.sustained and not term.text.endswith(("s", "ing")):
                add(many, "name", name=sound.category, many=True)
        for word in sound.context:
            add(word, "context")
    # "A toilet flushes" and "a door slams" are no plurals.
    for words in [words for words, entry in entries.items() if entry.get("many") and entry["kinds"] == {"name"}]:
        if len(words) > 1 and entries.get(words[-1:], {}).get("form") == "s":
            del entries[words]
    instead = {sound.instead: sound.category for sound in SOUNDS.values() if sound.instead}
    for link, phrases in known.LINKS.items():
        for phrase in phrases:
            add(phrase, link)
    phrases_of = {"descriptions": [*known.DESCRIPTIONS], "quantifiers": [*known.QUANTIFIERS]}
    phrases_of["typical"] = sorted(set().union(*known.TYPICAL.values()))
    phrases_of |= {kind: [*phrases] for kind, phrases in known.WORDS.items() if kind not in _NO_KINDS}
    for kind, phrases in phrases_of.items():
        for phrase in phrases:
            add(phrase, kind)
    tokens = {
        words: Token(
            **{**entry, "text": " ".join(words), "kinds": frozenset(entry["kinds"]), "verbs": tuple(entry["verbs"])}
        )
        for words, entry in entries.items()
    }
    return Lexicon(tokens, max(map(len, tokens)), pairs, nouns, verbs, singulars, instead)


def tokenize(caption: str) -> tuple[list[Token], list[str]]:
    """Divides a caption into the longest phrases of the lexicon.

    Args:
        caption: the caption.

    Returns:
        (tokens, words that are in no phrase).

    Example:
        >>> from aac_tf.scenes.lexicon import tokenize
        >>> tokens, unknown = tokenize("A dog barks in the background, lugubriously.")
        >>> [token.text for token in tokens], unknown
        (['a', 'dog', 'barks', 'in the background', 'comma'], ['lugubriously'])
    """
    text = re.sub(r"[\u2019']s\b", "", caption.lower().strip(" ."))
    text = re.sub(r"\b(man|woman|male|female|boy|girl|child)s voice", r"\1 voice", text)
    # A comma before a link adds nothing to it.
    text = re.sub(r"[,;]+\s*(?=(?:and|then|followed|while|as|with|before)\b)|[,;.]+\s*$", " ", text)
    words = re.findall(r"[^\W_]+", re.sub(r"[,;.]", " comma ", text).replace("&", " and "))
    lexical, tokens, unknown, start = lexicon(), [], [], 0
    while start < len(words):
        for length in range(min(lexical.longest, len(words) - start), 0, -1):
            token = lexical.tokens.get(tuple(words[start : start + length]))
            if token is not None and not _takes_in(words, start, length, lexical):
                tokens.append(token)
                start += length
                break
        else:
            unknown.append(words[start])
            start += 1
    return tokens, unknown


def _takes_in(words, start, length, lexical):
    """Whether the "in" at the end of a phrase belongs to what follows, as in "music plays in the background"."""
    end = start + length - 1
    if length < 2 or words[end] != "in" or tuple(words[start:end]) not in lexical.tokens:
        return False
    after = (lexical.tokens.get(tuple(words[end : end + more])) for more in range(2, 5))
    return any(token is not None and "descriptions" in token.kinds for token in after)
