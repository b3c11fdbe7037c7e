"""Inflected forms of English nouns and verbs."""

from __future__ import annotations

import functools
import re

_PLURALS = {
    "man": "men", "woman": "women", "child": "children", "lady": "ladies", "goose": "geese", "mouse": "mice",
    "wolf": "wolves", "knife": "knives", "sheep": "sheep", "someone": "", "somebody": "", "music": "", "traffic": "",
    "cattle": "", "silverware": "", "machinery": "", "thunder": "", "rain": "", "wind": "", "water": "",
}  # fmt: skip
_PASTS = {
    "speak": "spoke spoken", "run": "ran run", "ring": "rang rung", "sing": "sang sung", "drive": "drove driven",
    "fly": "flew flown", "blow": "blew blown", "break": "broke broken", "shut": "shut", "hit": "hit", "cut": "cut",
    "beat": "beat beaten", "fall": "fell fallen", "go": "went gone", "come": "came come", "give": "gave given",
    "make": "made", "take": "took taken", "ride": "rode ridden", "shoot": "shot", "spin": "spun",
    "write": "wrote written",
    "strike": "struck", "speed": "sped", "burst": "burst", "tear": "tore torn", "eat": "ate eaten",
    "drink": "drank drunk", "have": "had", "throw": "threw thrown", "say": "said", "tell": "told", "dig": "dug",
    "grind": "", "light": "lit", "saw": "sawed sawn", "sweep": "swept", "weep": "wept", "hold": "held",
}  # fmt: skip


@functools.cache
def plural(noun: str) -> str:
    """Plural of a noun phrase whose last word is the noun, or whose first is ("group of people").

    Returns:
        The plural; an empty string if there is none.

    Example:
        >>> from aac_tf.scenes.inflection import plural
        >>> plural("adult man"), plural("church bell"), plural("group of people"), plural("rain")
        ('adult men', 'church bells', 'groups of people', '')
    """
    head, of, rest = noun.partition(" of ")
    before, space, last = head.rpartition(" ")
    found = _PLURALS.get(last)
    if found is None:
        if last.endswith("man") and last != "human":
            found = last[:-2] + "en"
        elif re.search(r"[^aeiou]y$", last):
            found = last[:-1] + "ies"
        else:
            found = last + ("es" if re.search(r"(s|x|z|ch|sh)$", last) else "s")
    return before + space + found + of + rest if found else ""


@functools.cache
def verb_forms(verb: str) -> dict[str, str]:
    """Forms of a verb phrase, the first words of whose parts ("open and close") are verbs.

    "is fired" has only the form "fired".

    Returns:
        {form: "base", "s", "ing" or "ed"}.

    Example:
        >>> from aac_tf.scenes.inflection import verb_forms
        >>> list(verb_forms("run by")), list(verb_forms("hum"))
        (['run by', 'runs by', 'running by', 'ran by'], ['hum', 'hums', 'humming', 'hummed'])
        >>> list(verb_forms("open and close"))[1:3]
        ['opens and closes', 'opening and closing']
    """
    first, both, second = verb.partition(" and ")
    if both and not first.startswith(("is ", "are ", "be ")):
        others = {kind: form for form, kind in verb_forms(second).items()}
        return {f"{form} and {others[kind]}": kind for form, kind in verb_forms(first).items() if kind in others}
    word, space, rest = verb.partition(" ")
    if word in ("is", "are", "be"):
        return {rest: "ed"}
    stem = word
    if word.endswith("ie"):
        ing = word[:-2] + "ying"
    elif word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        ing = word[:-1] + "ing"
    else:
        if re.fullmatch(r"[^aeiou]*(?:qu)?[aeiou][^aeiouwxy]", word) or word in ("unzip", "whirr"):
            stem = word + word[-1] if word != "whirr" else word
        ing = stem + "ing"
    if re.search(r"[^aeiou]y$", word):
        third, past = word[:-1] + "ies", word[:-1] + "ied"
    else:
        third = "has" if word == "have" else word + ("es" if re.search(r"(s|x|z|ch|sh|[^aeiou]o|^go)$", word) else "s")
        past = word + "d" if word.endswith("e") else stem + "ed"
    forms = {word: "base", third: "s", ing: "ing"}
    for form in _PASTS.get(word, past).split():
        forms.setdefault(form, "ed")
    if word == "travel":
        forms |= {"travelling": "ing", "travelled": "ed"}
    return {form + space + rest: kind for form, kind in forms.items()}
