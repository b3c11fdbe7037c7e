"""Reading the sounds of one caption and how it says that they occur."""

from __future__ import annotations

from aac_tf.scenes import caption_words as known
from aac_tf.scenes.caption_tokens import LINKS, PERSONS, CaptionTokens
from aac_tf.scenes.lexicon import Token, tokenize
from aac_tf.scenes.sounds import SOUNDS
from aac_tf.scenes.timeline import Mention, Subject, Timeline, Unexplained, merge, set_field

_SOUND = frozenset({"noun", "verb", "name"})
_MOST_SOURCES = 3


class CaptionParser:
    """Reads one caption from left to right.

    Nouns wait for their verb, verbs for their noun; together they name a sound of the table. Links ("followed by",
    "while") say in which step the next sound occurs. Descriptions ("loudly", "in the background") belong to the sounds
    of the last clause, or to what follows if nothing has been named in this clause.

    Args:
        caption: the caption.

    Attributes:
        timeline: the sounds that it names, and the steps in which they occur.

    Raises:
        Unexplained: if any word of the caption is not understood.
    """

    def __init__(self, caption: str):
        tokens, unknown = tokenize(caption)
        if unknown:
            raise Unexplained(*unknown)
        self.timeline = Timeline()
        self._tokens = CaptionTokens(tokens)
        self._subjects: list[Subject] = []  # nouns that wait for their verb
        self._last_subjects: list[Subject] = []
        self._verb: Token | None = None  # verb that waits for its noun: "barking dog", "barking of a dog"
        self._adjectives: dict = {}  # settings of the next noun
        self._coming: dict = {}  # settings of the next clause
        self._recent: list[Mention] = []  # mentions that a following description describes
        self._described: list[Mention] = []  # those of the clause before
        self._opening = ""  # "while", "after" or "before" if the caption begins with such a clause
        self._with = False  # whether the clause began with "with", whose descriptions belong to all its sounds
        self._many = 0  # quantifier of the next noun, -1 for "several"
        self._preposition = ""
        self._determined = False  # whether an article or adjective came just before
        self._context: list[str] = []
        index = 0
        while index < len(self._tokens):
            index = self._read(index)
        self._finish()

    def _read(self, index):
        """Reads the token at an index; returns the index of the next one to read."""
        token, determined = self._tokens[index], self._determined
        kinds, self._determined = token.kinds, False
        link = next((name for name in known.LINKS if name in kinds), None)
        if link and not (link == "while" and self._is_preposition(index)):
            self._read_link(link, token, index)
        elif "verb" in kinds and self._subjects and not determined and self._is_verb_of_subjects(index):
            return self._read_predicate(index)
        elif "noun" in kinds and (determined or not self._continues(token)):
            self._read_noun(token, index)
        elif "being_heard" in kinds:
            if not self._is_heard_doing(index):  # "a man can be heard speaking"
                self._name_subjects()
        elif "sound_words" in kinds:
            self._read_sound_word(index, determined)
        elif "descriptions" in kinds:
            self._describe(token, index, determined)
        elif "using" in kinds and ("verb" not in kinds or self._subjects):
            self._subjects = [one for one in self._subjects if one.token.noun not in PERSONS]
        elif "verb" in kinds:
            return self._read_verb(index, determined)
        elif "name" in kinds:
            self._read_name(token, index)
        elif "pronouns" in kinds:
            if not self._last_subjects:
                raise Unexplained(token.text)
        elif "determiners" in kinds or "quantifiers" in kinds:
            self._many = (known.QUANTIFIERS[token.text] or -1) if "quantifiers" in kinds else self._many
            self._determined = True
        elif "prepositions" in kinds or "of" in kinds:
            self._preposition = token.text
        elif "context" in kinds:
            self._context.append(token.text)
        return index + 1

    # Links between clauses.

    def _is_preposition(self, index):
        """Whether "over", "with" ... stands before something that is no sound, as in "over a hard surface"."""
        after = self._tokens.next_noun(index + 1)
        return "context" in after.kinds and not after.kinds & _SOUND

    def _read_link(self, link, token, index):
        timeline = self.timeline
        # "speaks into a microphone while", "on the roof and a": what comes next is not in or on anything.
        after_place = "context" in self._tokens[index - 1].kinds and "determiners" in self._tokens[index + 1].kinds
        if link != "and" or after_place:
            self._preposition = ""
        if not timeline.mentions and not self._subjects:
            if link in ("while", "after") or token.text in ("before", "prior to"):
                self._opening = "before" if link == "then" else link
        elif link == "and":
            if token.text == "comma" and self._opening and not self._subjects:
                self._begin_main_clause()
            elif not self._subjects:
                self._described = self._recent or self._described
                self._recent = self._recent if self._with else []
        else:
            self._name_subjects()
            self._described, self._recent = self._recent or self._described, []
            self._with = token.text in known.WORDS["with"]
            if {timeline.link, link} == {"then", "after"}:
                raise Unexplained(f"{timeline.link} {token.text}")
            if not (timeline.link and link == "while"):  # "and then as ..."
                timeline.link = link
            if link == "while" and timeline.in_first_step:
                timeline.span_step()

    def _begin_main_clause(self):
        """The clause that an opening "while ...", "after ..." or "before ..." belongs to begins."""
        self.timeline.link = {"while": "while", "after": "then", "before": "after"}[self._opening]
        if self._opening == "while":
            self.timeline.span_step()
        self._opening, self._recent = "", []

    # Nouns and names.

    def _read_noun(self, token, index):
        if self._preposition and self._verb is None and self._is_complement(token):
            self._many = 0
            return
        before = self._tokens.before_noun(index).kinds
        self._refuse_compound(index)
        if self._opening and self.timeline.mentions and not self._subjects and not before & LINKS:
            self._begin_main_clause()
        many, self._many = self._many, 0
        sources = many if many > 1 else 2 if token.many else 1
        if token.name and token.noun not in PERSONS and (many or token.many):
            self._adjectives.setdefault("times", max(0, many))  # "gunshots"
            sources = 1
        subject = Subject(token, min(_MOST_SOURCES, sources), self._adjectives)
        self._adjectives = {}
        if self._verb is None:
            self._subjects.append(subject)
            return
        category, verb = self._tokens.pair(token, self._verb)
        self._verb, self._preposition, self._last_subjects = None, "", [subject]
        self._mention(category, verb, subject)

    def _refuse_compound(self, index):
        """Refuses a word right after a noun with which it names nothing, as in "plastic clanking"."""
        if self._subjects and "noun" in self._tokens[index - 1].kinds:
            raise Unexplained(f"{self._tokens[index - 1].text} {self._tokens[index].text}")

    def _is_complement(self, token):
        """Whether a noun after a preposition belongs to a sound named before: "typing on a keyboard"."""
        preposition, self._preposition = self._preposition, ""
        if self._recent and any(_fits(token.text, mention) for mention in self.timeline.mentions):
            return True
        category = self._tokens.alone(token)
        names_source = preposition in known.WORDS["of"] and not self.timeline.mentions and not self._subjects
        is_place = category and SOUNDS[category].place and preposition in known.WORDS["places"]
        if not names_source and not is_place:
            raise Unexplained(f"{preposition} {token.text}")
        return False

    def _read_name(self, token, index):
        if self._subjects and self._preposition:
            raise Unexplained(f"{self._preposition} {token.text}")
        self._refuse_compound(index)
        self._name_subjects()
        self._count(token.many)
        self._new_clause()
        self._mention(token.name, "", None)

    def _name_subjects(self):
        """Mentions nouns without a verb: those that name a sound on their own."""
        subjects, self._subjects = self._subjects, []
        for subject in subjects:
            category = self._tokens.alone(subject.token)
            if not category:
                raise Unexplained(f"{subject.token.text} alone")
            self._new_clause()
            self._mention(category, "", subject)
        if subjects:
            self._last_subjects, self._coming = subjects, {}

    def _read_sound_word(self, index, determined):
        """Reads "sound" or "noise", which must be that of something."""
        if self._subjects:
            self._name_subjects()
            return
        names_sound = self._tokens[index - 1].kinds & {"verb", "name"} and not determined
        if not names_sound and "of" not in self._tokens[index + 1].kinds:
            raise Unexplained(self._tokens[index].text)

    # Verbs.

    def _is_verb_of_subjects(self, index):
        nouns = [subject.token for subject in self._subjects]
        only_verb = not self._tokens[index].kinds & {"noun", "name"}
        return only_verb or self._tokens.with_subjects(nouns, index)[0] is not None

    def _is_heard_doing(self, index):
        """Whether the verb of the nouns before "can be heard" follows it."""
        nouns, verb = [subject.token for subject in self._subjects], self._tokens[index + 1]
        return nouns and verb.form == "ing" and self._tokens.with_subjects(nouns, index + 1)[0] is not None

    def _continues(self, token):
        """Whether a word that is also a noun is a further verb of the subjects of the last clause."""
        ready = "verb" in token.kinds and not self._subjects and not self._preposition and self._last_subjects
        return ready and all(self._tokens.pair(one.token, token) for one in self._last_subjects)

    def _read_predicate(self, index):
        """Reads the verb of the nouns before it."""
        found, after = self._tokens.with_subjects([subject.token for subject in self._subjects], index)
        if found is None:
            if self._is_auxiliary(index):
                return index + 1
            raise Unexplained(f"{self._subjects[-1].token.text} {self._tokens[index].text}")
        self._last_subjects, self._subjects = self._subjects, []
        self._new_clause()
        for subject, (category, verb) in zip(self._last_subjects, found):
            self._mention(category, verb, subject, keep=True)
        self._coming = {}
        return after + 1

    def _read_verb(self, index, determined):
        """Reads a verb of the next noun, of the subjects of the last clause, of an object, or of nobody."""
        token = self._tokens[index]
        self._refuse_compound(index)
        self._name_subjects()
        if self._tokens.verb_awaits_noun(index):
            self._verb = token
            return index + 1
        if not determined and self._last_subjects and not (self._with and self.timeline.link):
            pairs = [self._tokens.pair(one.token, token) for one in self._last_subjects]
            if all(pairs):
                self._new_clause()
                for (category, verb), subject in zip(pairs, self._last_subjects):
                    self._mention(category, verb, subject)
                return index + 1
            if token.form == "s" and "and" in self._tokens[index - 1].kinds:  # "an engine hums and creaks"
                raise Unexplained(f"{self._last_subjects[-1].token.text} {token.text}")
        found, after = (None, index) if determined else self._tokens.with_object(index)
        found = found or self._tokens.verb_alone(token)
        if found is None:
            if self._is_auxiliary(index):
                return index + 1
            raise Unexplained(token.text)
        self._count(determined and token.form == "s")
        self._new_clause()
        self._preposition = ""
        self._mention(found[0], found[1], None)
        return after + 1

    def _is_auxiliary(self, index):
        """Whether the verb at an index is that of "starts barking"."""
        return self._tokens[index].text in known.WORDS["auxiliaries"] and "verb" in self._tokens[index + 1].kinds

    # Mentions and their descriptions.

    def _new_clause(self):
        self._recent = list(self._recent) if self._with else []

    def _count(self, plural):
        """Turns a quantifier or plural of a sound ("two knocks", "knocks") into the number of times."""
        many, self._many = self._many, 0
        if (many or plural) and "times" not in self._adjectives:
            self._adjectives["times"] = max(0, many)

    def _mention(self, category, verb, subject, keep=False):
        settings = dict(self._coming)
        merge(settings, self._adjectives if subject is None else subject.settings)
        if subject is None:
            self._adjectives, self._last_subjects = {}, []
        self._recent += self.timeline.add(category, verb, subject, settings)
        if not keep and not self._subjects:
            self._coming = {}

    def _describe(self, token, index, determined):
        field, value = known.DESCRIPTIONS[token.text]
        ends = self._tokens.ends_clause(index + 1)
        ahead = self._tokens[index + 1].kinds
        after_sound = self._recent and not determined
        # Adjectives at the end of a clause are adverbs: "the wind blows loud".
        begins = determined or bool(self._tokens[index - 1].kinds & LINKS)
        adjective = token.text in known.WORDS["adjectives"] and ahead and not (ends and after_sound)
        if field == "motion" and self._subjects:
            category = self._tokens.alone(self._subjects[-1].token)
            if not category or not SOUNDS[category].moves:
                raise Unexplained(f"{self._subjects[-1].token.text} {token.text}")
            self._name_subjects()
        ends_here = ends or (field == "motion" and not ahead & (_SOUND | {"determiners"}))
        if ends_here and not self._subjects and not self._recent:
            self._recent, self.timeline.link = self._described, ""  # "a car passes, and then fades away"
        if adjective and not (self._subjects and not begins and "noun" not in ahead and "verb" in ahead):
            set_field(self._adjectives, field, value)
            self._determined = True
        elif self._subjects and ends:  # "traffic in the distance, bells ringing"
            for subject in self._subjects if self._with else self._subjects[-1:]:
                set_field(subject.settings, field, value)
            for mention in self._recent if self._with else ():  # "with footsteps and rain in the background"
                set_field(mention.settings, field, value)
        elif self._subjects or not self._recent:
            set_field(self._coming, field, value)
        else:
            for mention in self._described_by(field):
                set_field(mention.settings, field, value)

    def _described_by(self, field):
        """The mentions that a description describes: "people talk and laugh in the background" in both ways."""
        if field not in ("background", "distant"):
            return self._recent
        recent = [(mention.subject, mention.step) for mention in self._recent if mention.subject is not None]
        others = (mention for mention in self.timeline.mentions if mention not in self._recent)
        return self._recent + [
            mention
            for mention in others
            if any(mention.subject is subject and mention.step is step for subject, step in recent)
        ]

    def _finish(self):
        mentions = self.timeline.mentions
        if (self.timeline.link in ("then", "after") and not self._subjects) or self._verb is not None:
            raise Unexplained("unfinished")
        self._name_subjects()
        if not mentions:
            raise Unexplained("no sound")
        for mention in mentions:
            other = mention.subject and self._tokens.instead(mention.subject.token)
            if other and any(one.category in SOUNDS[other].beside for one in mentions):
                mention.category = other
        merge(self._coming, self._adjectives)
        for mention in self._recent or mentions[-1:]:
            merge(mention.settings, self._coming)
        for word in self._context:
            if not any(_fits(word, mention) for mention in mentions):
                raise Unexplained(word)


def _fits(phrase, mention):
    """Whether words may be in a caption because of a sound."""
    return SOUNDS[mention.category].context.issuperset(phrase.split())
