"""Reading the sounds of one caption and how it says that they occur."""

from __future__ import annotations

from aac_tf.scenes import caption_words as known
from aac_tf.scenes.caption_tokens import LINKS, PERSONS, CaptionTokens
from aac_tf.scenes.clauses import Clauses
from aac_tf.scenes.lexicon import Token, tokenize
from aac_tf.scenes.sounds import CLASSES, SOUNDS
from aac_tf.scenes.timeline import Unexplained, merge, motion_of, set_field
from aac_tf.scenes.wording import categories_for

_SOUND = frozenset({"noun", "verb", "name"})
_FUNCTION_WORDS = known.WORDS["prepositions"] | known.WORDS["determiners"]
# Whom a pronoun does not mean.
_OTHERS = {"he": CLASSES["woman"], "his": CLASSES["woman"], "she": CLASSES["man"], "her": CLASSES["man"]}


class CaptionParser:
    """Reads one caption from left to right.

    Nouns wait for their verb, verbs for their noun; together they name a sound of the table. Links ("followed by",
    "while") say in which step the next sound occurs. `Clauses` keeps what was named, and what descriptions belong to.

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
        self._tokens = CaptionTokens(tokens)
        self._clauses = Clauses(self._tokens)
        self.timeline = self._clauses.timeline
        self._verb: Token | None = None  # verb that waits for its noun: "barking dog", "barking of a dog"
        self._preposition = ""
        self._determined = False  # whether an article or adjective came just before
        self._context: list[str] = []
        self._typical: list[tuple[str, list, int]] = []  # with the mentions described, or the number of the next one
        index = 0
        while index < len(self._tokens):
            index = self._read(index)
        self._finish()

    def _read(self, index):
        """Reads the token at an index; returns the index of the next one to read."""
        token, determined = self._tokens[index], self._determined
        kinds, self._determined = token.kinds, False
        link = next((name for name in known.LINKS if name in kinds), None)
        if "settings" in kinds and self._is_place(index):
            if self._clauses.adjectives:  # "in a loud room" does not describe the next sound
                raise Unexplained(token.text)
            self._preposition = ""
        elif link and not (link == "while" and self._is_preposition(index)):
            self._read_link(link, token, index)
        elif determined and kinds & _SOUND and self._refers_back(token, index):
            pass
        elif "verb" in kinds and self._clauses.subjects and not determined and self._is_verb_of_subjects(index):
            return self._read_predicate(index)
        elif "noun" in kinds and (determined or not self._continues(token)):
            self._read_noun(token, index)
        elif "being_heard" in kinds:
            if self._tokens[index + 1].text == "to":  # "a knife is used to chop"
                raise Unexplained(token.text)
            if not self._is_heard_doing(index):  # "a man can be heard speaking"
                self._clauses.name_subjects()
        elif "sound_words" in kinds:
            self._read_sound_word(index, determined)
        elif "qualities" in kinds and "verb" not in kinds:
            self._determined = determined
        elif "descriptions" in kinds:
            self._describe(token, index, determined)
        elif "using" in kinds and ("verb" not in kinds or self._clauses.subjects):
            self._clauses.subjects = [one for one in self._clauses.subjects if one.token.noun not in PERSONS]
        elif "verb" in kinds:
            return self._read_verb(index, determined)
        elif "name" in kinds:
            self._read_name(token, index)
        elif "pronouns" in kinds:
            subjects = self._clauses.last_subjects
            if not subjects or not all(_may_mean(token.text, subject) for subject in subjects):
                raise Unexplained(token.text)
        elif "determiners" in kinds or "quantifiers" in kinds:
            if "quantifiers" in kinds:
                self._clauses.many = known.QUANTIFIERS[token.text] or -1
            self._determined = True
        elif "prepositions" in kinds or "of" in kinds:
            if "neutral" not in kinds or not self._tokens.ends_clause(index + 1):
                self._preposition = token.text
        elif "typical" in kinds:
            self._read_typical(token, index, determined)
        elif "context" in kinds and "neutral" not in kinds:
            self._refuse_described(token)
            self._context.append(token.text)
        elif "settings" in kinds:
            raise Unexplained(token.text)
        return index + 1

    # Links between clauses.

    def _is_preposition(self, index):
        """Whether "over", "with" ... stands before something that is no sound, as in "over a hard surface"."""
        after = self._tokens.next_noun(index + 1)
        return bool(after.kinds & {"context", "settings"}) and not after.kinds & _SOUND

    def _is_place(self, index):
        """Whether the word at an index is where something is heard: "in a large room"."""
        before = self._tokens.before_noun(index)
        place = "prepositions" in before.kinds and "of" not in before.kinds
        return place or before.text in known.WORDS["by_places"]

    def _read_link(self, link, token, index):
        # "speaks into a microphone while", "on the roof and a": what comes next is not in or on anything.
        after_place = "context" in self._tokens[index - 1].kinds and "determiners" in self._tokens[index + 1].kinds
        if link != "and" or after_place:
            self._preposition = ""
        self._clauses.join(link, token)

    # Nouns and names.

    def _read_noun(self, token, index):
        if self._verb is None and (self._is_object(token, index) or (self._preposition and self._is_complement(token))):
            self._refuse_described(token)
            self._clauses.many = 0
            return
        before = self._tokens.before_noun(index).kinds
        self._refuse_compound(index)
        if self._clauses.awaits_main_clause and not before & LINKS:
            self._clauses.begin_main_clause()
        subject = self._clauses.subject(token)
        if self._verb is None:
            self._clauses.subjects.append(subject)
            return
        category, verb = self._tokens.pair(token, self._verb)
        self._verb, self._preposition, self._clauses.last_subjects = None, "", [subject]
        self._clauses.mention(category, verb, subject)

    def _refuse_described(self, token):
        """Refuses the "hallway" of "an echoing hallway", which does not describe the next sound."""
        if self._clauses.adjectives.keys() & {"medium", "echo"}:
            raise Unexplained(token.text)

    def _refuse_compound(self, index):
        """Refuses a word right after a noun with which it names nothing, as in "plastic clanking"."""
        if self._clauses.subjects and "noun" in self._tokens[index - 1].kinds:
            raise Unexplained(f"{self._tokens[index - 1].text} {self._tokens[index].text}")

    def _is_complement(self, token):
        """Whether a noun after a preposition belongs to a sound named before: "typing on a keyboard"."""
        preposition, self._preposition = self._preposition, ""
        if self._clauses.recent and any(_fits(token.text, mention) for mention in self.timeline.mentions):
            return True
        category = self._tokens.alone(token)
        names_source = preposition in known.WORDS["of"] and not self.timeline.mentions and not self._clauses.subjects
        is_place = category and SOUNDS[category].place and preposition in known.WORDS["places"]
        if not names_source and not is_place:
            raise Unexplained(f"{preposition} {token.text}")
        return False

    def _is_object(self, token, index):
        """Whether a noun is what a sound strikes or passes, and no sound of its own: "rain hits the windows"."""
        verb, after = self._tokens.before_noun(index), self._tokens.next_noun(index + 1)
        is_object = bool(known.WORDS["striking"].intersection(verb.verbs))
        if any(map(motion_of, verb.verbs)):  # "a car drives by a dog barks" only lacks a comma
            is_object = "being_heard" not in after.kinds and not self._tokens.pair(token, after)
        if not is_object or not self._clauses.recent or self._clauses.subjects:
            return False
        if self._tokens.alone(token) in [mention.category for mention in self._clauses.recent]:
            return True
        if not any(_fits(token.text, mention) for mention in self._clauses.recent):
            raise Unexplained(f"{verb.text} {token.text}")
        return True

    def _refers_back(self, token, index):
        """Reads a word for a sound that was named before: "a man speaks, and his speech echoes"."""
        owner, clauses = self._tokens.owner(index), self._clauses
        if not owner or clauses.subjects or self._tokens.pair(token, self._tokens[index + 1]):
            return False
        category = self._tokens.alone(token) or (self._tokens.verb_alone(token) or [""])[0]
        heard = {one.category for one in self.timeline.mentions}
        parts = SOUNDS[category].parts or [category] if category else []  # "voices" are several of one
        again = {name for part in parts for name in categories_for(part, heard)}
        same = [one for one in self.timeline.mentions if one.category in again]
        if not same:
            return False
        if clauses.awaits_main_clause:
            clauses.begin_main_clause()
        is_clear = owner == "their" or (len(same) == 1 and _may_mean(owner, same[0].subject))
        if self.timeline.link in ("then", "after") or not is_clear:
            raise Unexplained(f"{owner} {token.text}")
        adjectives, clauses.adjectives, clauses.many = clauses.adjectives, {}, 0
        for mention in same:
            merge(mention.settings, adjectives)
        self.timeline.link, clauses.recent = "", same
        return True

    def _read_name(self, token, index):
        if self._clauses.subjects and self._preposition:
            raise Unexplained(f"{self._preposition} {token.text}")
        self._refuse_compound(index)
        self._clauses.name_subjects()
        self._clauses.count(token.many)
        self._clauses.begin()
        self._clauses.mention(token.name, "", None)

    def _read_sound_word(self, index, determined):
        """Reads "sound" or "noise", which must be that of something."""
        if self._clauses.subjects:
            adjectives, self._clauses.adjectives = self._clauses.adjectives, {}
            self._clauses.name_subjects()
            for mention in self._clauses.recent:  # "a machine makes a loud noise"
                merge(mention.settings, adjectives)
            return
        names_sound = self._tokens[index - 1].kinds & {"verb", "name"} and not determined
        if not names_sound and "of" not in self._tokens[index + 1].kinds:
            raise Unexplained(self._tokens[index].text)

    # Verbs.

    def _is_verb_of_subjects(self, index):
        nouns = [subject.token for subject in self._clauses.subjects]
        only_verb = not self._tokens[index].kinds & {"noun", "name", "descriptions"}
        return only_verb or self._tokens.with_subjects(nouns, index)[0] is not None

    def _is_heard_doing(self, index):
        """Whether the verb of the nouns before "can be heard" follows it."""
        nouns, verb = [subject.token for subject in self._clauses.subjects], self._tokens[index + 1]
        return nouns and verb.form == "ing" and self._tokens.with_subjects(nouns, index + 1)[0] is not None

    def _continues(self, token):
        """Whether a word that is also a noun is a further verb of the subjects of the last clause."""
        ready = (
            "verb" in token.kinds
            and not self._clauses.subjects
            and not self._preposition
            and self._clauses.last_subjects
        )
        return ready and all(self._tokens.pair(one.token, token) for one in self._clauses.last_subjects)

    def _read_predicate(self, index):
        """Reads the verb of the nouns before it."""
        found, after = self._tokens.with_subjects([subject.token for subject in self._clauses.subjects], index)
        if found is None:
            if self._is_auxiliary(index):
                return index + 1
            raise Unexplained(f"{self._clauses.subjects[-1].token.text} {self._tokens[index].text}")
        self._clauses.predicate(found)
        return after + 1

    def _read_verb(self, index, determined):
        """Reads a verb of the next noun, of the subjects of the last clause, of an object, or of nobody."""
        token = self._tokens[index]
        self._refuse_compound(index)
        self._clauses.name_subjects()
        if self._tokens.verb_awaits_noun(index):
            self._verb = token
            return index + 1
        subjects = [] if determined else self._clauses.shared_subjects
        if subjects:
            pairs = [self._tokens.pair(one.token, token) for one in subjects]
            if all(pairs):
                self._clauses.begin()
                for (category, verb), subject in zip(pairs, subjects):
                    self._clauses.mention(category, verb, subject)
                return index + 1
            before = self._tokens[index - 1]
            # "An engine hums and creaks", "a man speaks, and then he growls".
            if before.text in ("he", "she") or (token.form == "s" and "and" in before.kinds):
                raise Unexplained(f"{subjects[-1].token.text} {token.text}")
        found, after = (None, index) if determined else self._tokens.with_object(index)
        found = found or self._tokens.verb_alone(token)
        if found is None:
            if self._is_auxiliary(index):
                return index + 1
            raise Unexplained(token.text)
        if determined and self._preposition == "in" and token.form != "ing":  # "chirps in a squeak"
            raise Unexplained(f"{self._preposition} {token.text}")
        self._clauses.count(determined and token.form == "s")
        self._clauses.begin()
        self._preposition = ""
        self._clauses.mention(found[0], found[1], None)
        return after + 1

    def _is_auxiliary(self, index):
        """Whether the verb at an index is that of "starts barking"."""
        return self._tokens[index].text in known.WORDS["auxiliaries"] and "verb" in self._tokens[index + 1].kinds

    # Descriptions, and the end.

    def _read_typical(self, token, index, determined):
        """Notes a word that must describe the sounds before it, or the next one: "a siren wails rapidly"."""
        self._determined = determined
        kinds = self._tokens.next_noun(index + 1).kinds
        if kinds & {"settings", "context"} and not kinds & _SOUND:  # "in a small room", "with a big hammer"
            return
        ends = self._tokens.ends_clause(index + 1)
        if ends:  # "an airplane flies high and fast"
            self._clauses.resume()
        ahead = determined or self._clauses.subjects or (self._tokens[index - 1].kinds & LINKS and not ends)
        described = [] if ahead else list(self._clauses.recent)
        self._typical.append((token.text, described, len(self.timeline.mentions)))

    def _describe(self, token, index, determined):
        field, value = known.DESCRIPTIONS[token.text]
        ends = self._tokens.ends_clause(index + 1)
        if field == "medium" and "of" in self._tokens[index + 1].kinds:  # "muffled by the wind"
            raise Unexplained(f"{token.text} {self._tokens[index + 1].text}")
        ahead = self._tokens[index + 1].kinds
        after_sound = self._clauses.recent and not determined
        # Adjectives at the end of a clause are adverbs: "the wind blows loud".
        begins = determined or bool(self._tokens[index - 1].kinds & LINKS)
        adjective = token.text in known.WORDS["adjectives"] and ahead and not (ends and after_sound)
        if field == "motion" and self._clauses.subjects:
            category = self._tokens.alone(self._clauses.subjects[-1].token)
            if not category or not SOUNDS[category].moves:
                raise Unexplained(f"{self._clauses.subjects[-1].token.text} {token.text}")
            self._clauses.name_subjects()
        if field == "echo" and self._clauses.subjects and not determined:
            if not self._tokens.alone(self._clauses.subjects[-1].token):
                raise Unexplained(f"{self._clauses.subjects[-1].token.text} {token.text}")
            self._clauses.name_subjects()
        if field == "echo" and self._clauses.adjectives and not determined:
            raise Unexplained(token.text)
        ends_here = ends or (field in ("motion", "echo") and not ahead & (_SOUND | {"determiners"}))
        if ends_here:
            self._clauses.resume()
        if adjective and not (self._clauses.subjects and not begins and "noun" not in ahead and "verb" in ahead):
            set_field(self._clauses.adjectives, field, value)
            self._determined = True
        elif self._tokens[index - 1].text == "one":  # "two men speak, one in the background"
            raise Unexplained(f"one {token.text}")
        else:
            self._clauses.describe(field, value, ends)

    def _finish(self):
        if self._verb is not None:
            raise Unexplained("unfinished")
        self._clauses.finish()
        for word in self._context:
            if not any(_fits(word, mention) for mention in self.timeline.mentions):
                raise Unexplained(word)
        for word, described, place in self._typical:
            mentions = self.timeline.mentions
            described = described or mentions[place : place + 1] or mentions[-1:]
            typical = all(word in known.TYPICAL.get(one.category, ()) for one in described)
            words = " ".join(one for one in word.split() if one not in _FUNCTION_WORDS)
            if not typical and not any(_fits(words, one) for one in described):
                raise Unexplained(word)


def _may_mean(pronoun, subject):
    """Whether a pronoun may stand for a subject: "she" does not for a man."""
    return subject is None or subject.token.noun not in _OTHERS.get(pronoun, ())


def _fits(phrase, mention):
    """Whether words may be in a caption because of a sound."""
    return SOUNDS[mention.category].context.issuperset(phrase.split())
