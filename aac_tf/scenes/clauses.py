"""The clauses of a caption that is being read: the sounds that they name, and what a further word applies to."""

from __future__ import annotations

from aac_tf.scenes import caption_words as known
from aac_tf.scenes.caption_tokens import PERSONS, CaptionTokens
from aac_tf.scenes.lexicon import Token
from aac_tf.scenes.sounds import SOUNDS
from aac_tf.scenes.timeline import Mention, Subject, Timeline, Unexplained, merge, set_field

_MOST_SOURCES = 3
_OF_LAST = frozenset({"medium", "echo", "when"})  # fields of the last sound alone, even in a clause with "with"


class Clauses:
    """The clauses of one caption, up to the word that is being read.

    Descriptions ("loudly", "in the background") belong to the sounds of the last clause, or to what follows if nothing
    has been named in this clause.

    Args:
        tokens: the tokens of the caption.

    Attributes:
        timeline: the sounds that were named, and the steps in which they occur.
        subjects: nouns that wait for their verb.
        last_subjects: the subjects of the last sounds.
        recent: mentions that a following description describes.
        adjectives: settings of the next noun.
        many: quantifier of the next noun, -1 for "several"; 0 if there is none.
    """

    def __init__(self, tokens: CaptionTokens):
        self.timeline = Timeline()
        self.subjects: list[Subject] = []
        self.last_subjects: list[Subject] = []
        self.recent: list[Mention] = []
        self.adjectives: dict = {}
        self.many = 0
        self._tokens = tokens
        self._coming: dict = {}  # settings of the next clause
        self._described: list[Mention] = []  # those of the clause before
        self._opening = ""  # "while", "after" or "before" if the caption begins with such a clause
        self._with = False  # whether the clause began with "with", whose descriptions belong to all its sounds

    def join(self, link: str, token: Token) -> None:
        """Links what comes next to what was said, with a token that is a link: "and", "then", "after" or "while"."""
        timeline = self.timeline
        if not timeline.mentions and not self.subjects:
            if link in ("while", "after") or token.text in ("before", "prior to"):
                self._opening = "before" if link == "then" else link
        elif link == "and":
            if token.text == "comma" and self.awaits_main_clause:
                self.begin_main_clause()
            elif not self.subjects:
                self._described = self.recent or self._described
                self.recent = self.recent if self._with else []
        else:
            self.name_subjects()
            self._described, self.recent = self.recent or self._described, []
            self._with = token.text in known.WORDS["with"]
            if {timeline.link, link} == {"then", "after"}:
                raise Unexplained(f"{timeline.link} {token.text}")
            if not (timeline.link and link == "while"):  # "and then as ..."
                timeline.link = link
            if link == "while" and timeline.in_first_step:
                timeline.span_step()

    @property
    def awaits_main_clause(self) -> bool:
        """Whether an opening "while ...", "after ..." or "before ..." is complete."""
        return bool(self._opening and self.timeline.mentions and not self.subjects)

    def begin_main_clause(self) -> None:
        """Begins the clause that the opening clause belongs to."""
        self.timeline.link = {"while": "while", "after": "then", "before": "after"}[self._opening]
        if self._opening == "while":
            self.timeline.span_step()
        self._opening, self.recent = "", []

    def subject(self, token: Token) -> Subject:
        """Returns the subject that a noun is, with the quantifier and the adjectives before it."""
        many, self.many = self.many, 0
        sources = many if many > 1 else 2 if token.many else 1
        if token.name and token.noun not in PERSONS and (many or token.many):
            self.adjectives.setdefault("times", max(0, many))  # "gunshots"
            sources = 1
        settings, self.adjectives = self.adjectives, {}
        return Subject(token, min(_MOST_SOURCES, sources), settings)

    def name_subjects(self) -> None:
        """Mentions nouns without a verb: those that name a sound on their own."""
        subjects, self.subjects = self.subjects, []
        for subject in subjects:
            category = self._tokens.alone(subject.token)
            if not category:
                raise Unexplained(f"{subject.token.text} alone")
            self.begin()
            self.mention(category, "", subject)
        if subjects:
            self.last_subjects, self._coming = subjects, {}

    def begin(self) -> None:
        """Begins a clause."""
        self.recent = list(self.recent) if self._with else []

    def count(self, plural: bool) -> None:
        """Turns a quantifier or plural of a sound ("two knocks", "knocks") into the number of times."""
        many, self.many = self.many, 0
        if (many or plural) and "times" not in self.adjectives:
            self.adjectives["times"] = max(0, many)

    def mention(self, category: str, verb: str, subject: Subject | None, keep: bool = False) -> None:
        """Adds a sound to the clause; `keep` lets the settings of the clause apply to the next one, too."""
        settings = dict(self._coming)
        merge(settings, self.adjectives if subject is None else subject.settings)
        if subject is None:
            self.adjectives, self.last_subjects = {}, []
        self.recent += self.timeline.add(category, verb, subject, settings)
        if not keep and not self.subjects:
            self._coming = {}

    def predicate(self, found: list[tuple[str, str]]) -> None:
        """Mentions the (category, verb) of each of the subjects that wait for their verb."""
        self.last_subjects, self.subjects = self.subjects, []
        self.begin()
        for subject, (category, verb) in zip(self.last_subjects, found):
            self.mention(category, verb, subject, keep=True)
        self._coming = {}

    @property
    def shared_subjects(self) -> list[Subject]:
        """The subjects of the last clause, if a further verb may be theirs."""
        return [] if self._with and self.timeline.link else self.last_subjects

    def resume(self) -> None:
        """Lets a clause without a sound describe those of the clause before: "a car passes, and then fades away"."""
        if not self.subjects and not self.recent:
            self.recent, self.timeline.link = self._described, ""

    def describe(self, field: str, value, ends: bool) -> None:
        """Applies a description; `ends` says whether the clause ends after it."""
        if self.subjects and ends:  # "traffic in the distance, bells ringing"
            of_all = self._with and field not in _OF_LAST  # "with footsteps and rain in the background"
            for subject in self.subjects if of_all else self.subjects[-1:]:
                set_field(subject.settings, field, value)
            for mention in self.recent if of_all else ():
                set_field(mention.settings, field, value)
        elif self.subjects or not self.recent:
            set_field(self._coming, field, value)
        else:
            for mention in self._described_by(field):
                set_field(mention.settings, field, value)

    def _described_by(self, field):
        """The mentions that a description describes: "people talk and laugh in the background" in both ways."""
        if field in _OF_LAST:  # "a gunshot and a man speaking over a radio"
            last = self.recent[-1]
            return [one for one in self.recent if one is last or (one.verb and one.verb == last.verb)]
        if field not in ("background", "distant"):
            return self.recent
        recent = [(mention.subject, mention.step) for mention in self.recent if mention.subject is not None]
        others = (mention for mention in self.timeline.mentions if mention not in self.recent)
        return self.recent + [
            mention
            for mention in others
            if any(mention.subject is subject and mention.step is step for subject, step in recent)
        ]

    def finish(self) -> None:
        """Ends the caption; raises `Unexplained` if it names no sound, or ends within a clause."""
        mentions = self.timeline.mentions
        if self.timeline.link in ("then", "after") and not self.subjects:
            raise Unexplained("unfinished")
        self.name_subjects()
        if not mentions:
            raise Unexplained("no sound")
        for mention in mentions:
            other = mention.subject and self._tokens.instead(mention.subject.token)
            if other and any(one.category in SOUNDS[other].beside for one in mentions):
                mention.category = other
        merge(self._coming, self.adjectives)
        for mention in self.recent or mentions[-1:]:
            merge(mention.settings, self._coming)
