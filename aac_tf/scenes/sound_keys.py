"""The words that name each sound and no other in a caption, derived from the table of sounds."""

from __future__ import annotations

import itertools

from aac_tf.scenes.inflection import plural, verb_forms
from aac_tf.scenes.sounds import SOUNDS, Sound, Term

# Further synonyms are rare in the captions that captioners write.
_NOUNS, _VERBS, _LONGEST = 6, 5, 6
_AUXILIARIES = {"ing": ("", "is ", "are "), "ed": ("is ", "are ", "being ", "is being ")}


def derive_keys() -> dict[str, tuple[str, ...]]:
    """The keys of all sounds.

    Sounds whose table row has `keys` have these; only what their own wording needs is added, if another sound claims a
    word of it ("a car horn honks", "car").

    Returns:
        {category: words and phrases}. No two categories share one.
    """
    given = {key for sound in SOUNDS.values() for key in sound.keys}
    owners: dict[str, str] = {}  # of a phrase that several sounds claim, the last has it
    single_verbs: set[str] = set()
    for sound in SOUNDS.values():
        pairs = [] if sound.keys else _pairs(sound)
        owners.update(dict.fromkeys(pairs, sound.category))
    for sound in SOUNDS.values():
        for term in sound.names:
            owners.update(dict.fromkeys(_numbers(term), sound.category))
        for nouns, verbs in sound.frames:
            for term in nouns:
                if term.alone:
                    owners.update(dict.fromkeys(_numbers(term), sound.category))
            for term in verbs:
                if term.alone:
                    forms = [form for form, kind in verb_forms(term.text).items() if kind in ("s", "ing")]
                    for form in forms:
                        owners.setdefault(form, sound.category)  # the general sound comes first
                    single_verbs.update(forms)
    for sound in SOUNDS.values():
        own = _own_phrases(sound)
        foreign = {part for part in _parts(own[-1]) if owners.get(part, sound.category) != sound.category} - given
        for verb in foreign & single_verbs:
            del owners[verb]
        if not sound.keys or foreign - single_verbs:
            owners.update(dict.fromkeys(own, sound.category))
    keys: dict[str, list[str]] = {category: list(sound.keys) for category, sound in SOUNDS.items()}
    for key, category in owners.items():
        if key not in given and len(key.split()) <= _LONGEST:
            keys[category].append(key)
    return {category: tuple(found) for category, found in keys.items()}


def _pairs(sound: Sound) -> list[str]:
    """Nouns together with their verbs: "dog growls", "dog is growling"."""
    found = []
    for nouns, verbs in sound.frames:
        some = [term for term in nouns if not term.of_class][:_NOUNS] + [term for term in nouns if term.of_class][
            :_NOUNS
        ]
        for noun, verb in itertools.product(some, verbs[:_VERBS]):
            for number, (form, kind) in itertools.product(_numbers(noun), verb_forms(verb.text).items()):
                found += [f"{number} {auxiliary}{form}" for auxiliary in _AUXILIARIES.get(kind, ("",))]
    return found


def _own_phrases(sound: Sound) -> list[str]:
    """The sound's wording, without its article; the last holds the words of all."""
    subject, verb, participle = sound.words
    for article in ("a ", "an ", "the "):
        subject = subject.removeprefix(article)
    subject = subject.lower()
    forms = [f"{subject} {form}" for form in (verb, participle, f"is {participle}", f"are {participle}")]
    return [*forms, f"{subject} {verb} {participle}"]


def _parts(phrase):
    words = phrase.split()
    return {" ".join(words[first:end]) for first, end in itertools.combinations(range(len(words) + 1), 2)}


def _numbers(noun: Term) -> list[str]:
    return [noun.text] if noun.fixed or not plural(noun.text) else [noun.text, plural(noun.text)]
