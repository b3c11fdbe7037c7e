"""The sounds that a caption has named so far, and the steps in which they occur."""

from __future__ import annotations

import dataclasses

from aac_tf.scenes.lexicon import Token
from aac_tf.scenes.script import ScriptedSound
from aac_tf.scenes.sounds import SOUNDS

# Their particle does not mean that something goes away.
_STAYING = frozenset({"go off", "set off", "turn off", "shut off", "take off"})


class Unexplained(Exception):
    """Words of a caption whose meaning for its sounds is unknown."""

    def __init__(self, *words: str):
        super().__init__(*words)
        self.words = words


@dataclasses.dataclass(eq=False)
class Subject:
    """A noun phrase: the noun, the number of its sources and what its adjectives say."""

    token: Token
    sources: int
    settings: dict


@dataclasses.dataclass(eq=False)
class Mention:
    """A sound that a caption names.

    Args:
        category: category of the table.
        subject: what makes the sound; None if the caption does not say.
        verb: what it is said to do; empty if the caption does not say.
        sources: number of sources that sound at once.
        settings: fields of `ScriptedSound` that the caption sets.
        step: the mentions of the same step.
        spans: whether it lasts through all steps if it is sustained or in the background.
    """

    category: str
    subject: Subject | None
    verb: str
    sources: int
    settings: dict
    step: list[Mention]
    spans: bool = False


class Timeline:
    """Mentions in their temporal order.

    Attributes:
        mentions: the mentions in the order in which the caption names them.
        link: how the next mention is linked to the last one: "then", "after", "while" or "" for "and".
    """

    def __init__(self):
        self.mentions: list[Mention] = []
        self.link = ""
        self._steps: list[list[Mention]] = []
        self._step: list[Mention] = []

    def add(self, category: str, verb: str, subject: Subject | None, settings: dict) -> list[Mention]:
        """Adds a sound, linked to the last one as `link` says.

        Returns:
            The mentions that stand for it: several for one that has parts, an earlier one if it is the same sound.
        """
        settings = dict(settings)
        motion = motion_of(verb) if SOUNDS[category].moves else ""
        if motion:
            set_field(settings, "motion", motion)
        if not self._steps:
            self._steps = [self._step]
        elif self.link in ("then", "after"):
            place = len(self._steps) if self.link == "then" else self._steps.index(self._step)
            self._step = []
            self._steps.insert(place, self._step)
        spans, self.link = self.link == "while", ""
        sound, sources = SOUNDS[category], subject.sources if subject else 1
        if sound.parts:
            parts = sound.parts + sound.parts[: max(0, sources - len(sound.parts))]
            return [self._append(Mention(part, subject, verb, 1, dict(settings), self._step, spans)) for part in parts]
        lasting = sound.sustained or sound.place or subject is None
        same = [one for one in self._step if one.category == category and (one.subject is subject or lasting)]
        for mention in same:
            merge(mention.settings, settings)
        return same or [self._append(Mention(category, subject, verb, sources, settings, self._step, spans))]

    def _append(self, mention):
        self.mentions.append(mention)
        self._step.append(mention)
        return mention

    def span_step(self) -> None:
        """Lets the sounds of the last step last through all steps, as those of a clause with "while" do."""
        for mention in self._step:
            mention.spans = True

    @property
    def in_first_step(self) -> bool:
        """Whether the last mention is in the first step."""
        return bool(self._steps) and self._step is self._steps[0]

    def sounds(self) -> tuple[ScriptedSound, ...]:
        """The sounds of the script."""
        self._move("start", 0)
        self._move("end", len(self._steps))
        sounds, last = [], len(self._steps) - 1
        for mention in self.mentions:
            step = next(index for index, step in enumerate(self._steps) if step is mention.step)
            spans = mention.spans and _lasts(mention)
            first, end = (0, last) if spans else (step, step)
            sounds += [ScriptedSound(mention.category, first, end, **mention.settings)] * mention.sources
        return tuple(sounds)

    def _move(self, when, place):
        """Moves what is said to be at the "start" or "end" into a step of its own; what lasts in its step goes on."""
        moved = [mention for mention in self.mentions if mention.settings.get("when") == when]
        for mention in moved:
            del mention.settings["when"]
        if not moved:
            return
        step = self._steps[0 if when == "start" else -1]
        others = [mention for mention in step if mention not in moved]
        # "At the end, a bell and a siren ring": whether the end holds for what follows is not always clear.
        last = when == "start" or moved == self.mentions[-len(moved) :]
        if any(mention.step is not step for mention in moved) or len(moved) == len(self.mentions) or not last:
            raise Unexplained(f"at the {when}")
        for mention in moved:
            mention.spans = False
        if when == "start" and len(self._steps) > 1:  # "at first a dog barks while rain falls, then a bell tolls"
            return
        # Scenes have their background from beginning to end.
        if any("background" in one.settings for one in moved) or any(one.spans and not _lasts(one) for one in others):
            raise Unexplained(f"at the {when}")
        for mention in others:
            mention.spans = mention.spans or _lasts(mention)
        step[:] = others
        for mention in moved:
            mention.step = moved
        self._steps.insert(place, moved)
        self._steps = [step for step in self._steps if step]


def _lasts(mention):
    return SOUNDS[mention.category].sustained or bool(mention.settings.get("background"))


def set_field(settings: dict, field: str, value) -> None:
    """Sets a field that a caption describes; two values that contradict each other raise `Unexplained`."""
    old = settings.get(field)
    if old is None or old == value:
        settings[field] = value
    elif field == "motion":
        settings[field] = "passing"  # "approaches and fades away"
    elif field == "times":
        settings[field] = 0
    else:
        raise Unexplained(f"both {old} and {value}")


def merge(settings: dict, others: dict) -> None:
    """Sets several fields."""
    for field, value in others.items():
        set_field(settings, field, value)


def motion_of(verb: str) -> str:
    """The motion that a verb means: "passing" ("drive by"), "receding" ("fly off"), or an empty string."""
    words = verb.split()
    if not words or verb in _STAYING:
        return ""
    if words[0] == "pass" or words[-1] in ("by", "past", "overhead"):
        return "passing"
    return "receding" if words[-1] in ("away", "off") and len(words) > 1 else ""
