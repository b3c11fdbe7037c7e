"""Putting a plan into words: the grammar `sentences.yaml`.

`A`, `B` and `C` are the sounds of the steps in order, `X` and `Y` those over which they are heard. Each has these
forms, with its adverbs:

- `p`, "a dog barks"; `g`, "a dog is barking"; `n`, "a dog barking"; `h`, "a dog can be heard barking";
- `m`, its name, "applause", or like `n` if it has none;
- `b`, like `m`, but without "in the background";
- `v`, "barks", and `i`, "barking", for a sound of the same subject as the one before.
"""

from __future__ import annotations

import functools
import pathlib
import re
from collections.abc import Mapping

import numpy as np
import yaml

from aac_tf.scenes.scripts import ScriptError, read_script
from aac_tf.scenes.writing.phrases import Phrase, Weighted, choose, kind_of, setting_of
from aac_tf.scenes.writing.plans import Part, Plan, in_order

MIN_WORDS, MAX_WORDS = 3, 20
_PATH = pathlib.Path(__file__).with_name("sentences.yaml")
_STEPS = {
    (1,): "one",
    (2,): "together",
    (3,): "three together",
    (1, 1): "then",
    (1, 1, 1): "three steps",
    (2, 1): "together then",
    (1, 2): "then together",
}
_SAME = ", same subject"
_SLOT = re.compile(r"\b([A-CXY])\.([a-z])\b")
_CORE = re.compile("CORE|FINITE|PARTICIPLE")
_ADJECTIVE, _NEUTRAL = 0.35, 0.08  # shares of the clauses with an adjective instead of an adverb, with a neutral adverb


@functools.cache
def sentences() -> Mapping[str, Weighted]:
    """The forms of sentences by their situation, with weights."""
    table = yaml.safe_load(_PATH.read_text(encoding="utf-8"))
    return {
        name: [(form, float(weight)) for weight, form in (line.split(" ", 1) for line in cell.splitlines())]
        for name, cell in table.items()
    }


def write_caption(plan: Plan, rng: np.random.Generator, attempts: int = 40) -> str:
    """Writes a caption that says exactly what a plan does.

    Captions that the parser reads in another way are discarded.

    Args:
        plan: the plan.
        rng: random generator.
        attempts: maximum number of sentences to try.

    Returns:
        The caption; an empty string if all attempts failed.
    """
    wanted = plan.sounds()
    for _ in range(attempts):
        caption = draw_sentence(plan, rng)
        if is_readable(caption) and says(caption, wanted):
            return caption
    return ""


def is_readable(caption: str) -> bool:
    """Whether a caption is neither too short nor too long, and does not repeat a link."""
    words = caption.split()
    once = (words.count("while") + words.count("as"), words.count("with"), words.count("then"), words.count("followed"))
    return MIN_WORDS <= len(words) <= MAX_WORDS and max(once) <= 1


def says(caption: str, sounds) -> bool:
    """Whether the parser reads exactly these sounds in a caption."""
    try:
        return in_order(read_script(caption).sounds) == in_order(sounds)
    except ScriptError:
        return False


def draw_sentence(plan: Plan, rng: np.random.Generator) -> str:
    """Draws a sentence for a plan, unchecked."""
    return _Writer(plan, rng).sentence()


class _Writer:
    def __init__(self, plan, rng):
        self._plan, self._rng = plan, rng
        self._parts: dict[str, Part] = dict(zip("ABC", (part for step in plan.steps for part in step)))
        self._parts |= dict(zip("XY", plan.beds))
        self._phrases: dict[str, Phrase] = {}
        self._subjects: dict[str, str] = {}
        self._same = False
        for slot, part in self._parts.items():
            self._choose_phrase(slot, part)

    def _choose_phrase(self, slot, part):
        phrases = kind_of(part.category).phrases[part.meaning]
        phrase = choose(phrases, self._rng)
        for other in self._phrases.values():
            # The man who laughs is the man who spoke.
            alike = [item for item in phrases if item[0].subject == other.subject]
            if alike:
                phrase = choose(alike, self._rng)
                self._same = slot == "B" and len(self._parts) - len(self._plan.beds) == 2
                self._subjects[slot] = _another(phrase.subject)
                break
        self._phrases[slot] = phrase

    def sentence(self):
        steps = tuple(map(len, self._plan.steps))
        name = _STEPS[steps]
        if self._same and self._phrases["B"].subject == self._phrases["A"].subject:
            name += _SAME
        core = choose(sentences()[name], self._rng)
        finite = _SLOT.search(core)[2] in "pghv"
        beds = len(self._plan.beds)
        if beds == 2:
            form = choose(sentences()["over two"], self._rng)
        elif beds:
            forms = sentences()["over"] + (sentences()["over, one step"] if len(steps) == 1 else [])
            forms = forms + sentences()[f"over, {'' if self._plan.beds[0].background else 'not '}in the background"]
            form = choose([item for item in forms if ("PARTICIPLE" if finite else "FINITE") not in item[0]], self._rng)
        else:
            form = "CORE"
        return _SLOT.sub(lambda match: self._word(*match.groups()), _CORE.sub(core, form))

    def _word(self, slot, form):
        part, phrase = self._parts[slot], self._phrases[slot]
        kind, setting = kind_of(part.category), part.setting
        names = kind.names.get(part.meaning)
        background = part.background and form != "b"
        if form in "mb":
            # "Applause loudly" is no English.
            form = "name" if names and (setting is None or setting[0] in ("distant", "background")) else "n"
        subject, tail = self._subjects.get(slot) or phrase.subject, []
        name = choose(names, self._rng) if form == "name" else ""
        adjectives = [item for item in kind.adjectives if setting_of(item[0]) == setting]
        adverbs = [item for item in kind.adverbs if setting_of(item[0]) == setting]
        if setting and adjectives and form not in "vi" and self._rng.uniform() < _ADJECTIVE:
            adjective = choose(adjectives, self._rng)
            subject, name = _with_adjective(subject, adjective), name and _with_adjective(name, adjective)
        elif setting or (adverbs and not part.background and form != "name" and self._rng.uniform() < _NEUTRAL):
            tail.append(choose(adverbs, self._rng))
        if background:
            tail.append("in the background")
        if form == "name":
            words = name
        elif form in "vi":
            words = phrase.verb("p" if form == "v" else "n")
        else:
            words = phrase.clause(form, subject)
        return " ".join([words, *tail])


def _another(subject):
    """The subject of a sound that another source of the same kind makes."""
    if subject in ("someone", "somebody"):
        return f"{subject} else"
    return re.sub(r"^an? ", "another ", subject)


def _with_adjective(noun, adjective):
    article, _, rest = noun.partition(" ")
    if article in ("a", "an"):
        return f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective} {rest}"
    return f"{article} {adjective} {rest}" if article in ("the", "two", "another") else f"{adjective} {noun}"
