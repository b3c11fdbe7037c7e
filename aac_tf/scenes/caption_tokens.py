"""The tokens of one caption, and which sounds their nouns and verbs name together."""

from __future__ import annotations

from aac_tf.scenes import caption_words as known
from aac_tf.scenes.lexicon import Token, lexicon
from aac_tf.scenes.sounds import CLASSES

PERSONS = frozenset().union(*(CLASSES[name] for name in ("man", "woman", "child", "person", "people")))
LINKS = frozenset(known.LINKS)
# Who or what may be the subject of a verb whose object sounds: "a man opens a door", "a train blows a horn".
_AGENTS = PERSONS | {"car", "vehicle", "truck", "train", "bus"}
_BETWEEN = frozenset({"determiners", "descriptions", "quantifiers", "neutral", "qualities", "typical"})
_NONE = Token("", frozenset())


class CaptionTokens:
    """The tokens of a caption, with what the parser looks up around a token.

    Args:
        tokens: tokens from `tokenize`.
    """

    def __init__(self, tokens: list[Token]):
        self._tokens = tokens
        self._lexicon = lexicon()

    def __len__(self) -> int:
        return len(self._tokens)

    def __getitem__(self, index: int) -> Token:
        """The token at an index; one without text and kinds before the first and after the last token."""
        return self._tokens[index] if 0 <= index < len(self._tokens) else _NONE

    def next_noun(self, index: int) -> Token:
        """The first token from an index on that is no article or adjective."""
        while self[index].kinds & _BETWEEN and "noun" not in self[index].kinds:
            index += 1
        return self[index]

    def before_noun(self, index: int) -> Token:
        """The token before the articles and adjectives of the noun at an index."""
        index -= 1
        while self[index].kinds & _BETWEEN and "prepositions" not in self[index].kinds:
            index -= 1
        return self[index]

    def owner(self, index: int) -> str:
        """The "his" or "their" before the noun at an index, or an empty string."""
        index -= 1
        while self[index].kinds & _BETWEEN and self[index].text not in known.WORDS["owners"]:
            index -= 1
        return self[index].text if self[index].text in known.WORDS["owners"] else ""

    def ends_clause(self, index: int) -> bool:
        """Whether the caption or a clause ends before an index."""
        return index >= len(self._tokens) or bool(self[index].kinds & LINKS)

    def alone(self, noun: Token) -> str:
        """The category that a noun names without a verb, or an empty string."""
        return self._lexicon.nouns.get(noun.noun) or noun.name

    def instead(self, noun: Token) -> str:
        """The category that a noun names beside some other sounds, or an empty string."""
        return self._lexicon.instead.get(noun.noun, "")

    def verb_alone(self, verb: Token) -> tuple[str, str] | None:
        """The (category, verb) that a verb names without a noun."""
        for name in verb.verbs:
            if name in self._lexicon.verbs:
                return self._lexicon.verbs[name], name
        return (verb.name, "") if verb.name else None

    def pair(self, noun: Token, verb: Token) -> tuple[str, str] | None:
        """The (category, verb) that a noun and a verb name together."""
        for name in (noun.noun, self._lexicon.singulars.get(noun.noun, noun.noun)):
            for lemma in verb.verbs:
                category = self._lexicon.pairs.get((name, lemma))
                if category is not None:
                    return category, lemma
        return None

    def with_object(self, index: int) -> tuple[tuple[str, str] | None, int]:
        """The (category, verb) of the verb at an index with its object, "opens a door"; and the object's index."""
        place = index + 1
        while "determiners" in self[place].kinds:
            place += 1
        noun, after = self[place], self[place + 1]
        if "noun" in noun.kinds and ("verb" not in after.kinds or "noun" in after.kinds):
            found = self.pair(noun, self[index])
            if found and found[1].split()[0] in known.WORDS["transitive"]:
                return found, place
        return None, index

    def with_subjects(self, nouns: list[Token], index: int) -> tuple[list[tuple[str, str]] | None, int]:
        """The (category, verb) of each of several nouns with the verb at an index; and the last index used."""
        found = self.pair(nouns[-1], self[index])
        thing, after = self.with_object(index)
        if thing is not None:
            if found is not None and found[0] == thing[0]:  # "a car revs its engine"
                index = after
            elif nouns[-1].noun in _AGENTS and (found is None or nouns[-1].noun in PERSONS):
                return [thing] * len(nouns), after
        pairs = [found]
        for noun in nouns[:-1]:
            pairs.insert(-1, self.pair(noun, self[index]) or (self.alone(noun) and (self.alone(noun), "")))
        return (pairs, index) if all(pairs) else (None, index)

    def verb_awaits_noun(self, index: int) -> bool:
        """Whether the verb at an index belongs to a noun that follows it: "barking dog", "the barking of a dog"."""
        verb, ahead = self[index], self[index + 1]
        if "of" in ahead.kinds and "verb" not in ahead.kinds:
            noun = self.next_noun(index + 2)
        else:
            noun = ahead if verb.form in ("ing", "ed") else _NONE
        return "noun" in noun.kinds and self.pair(noun, verb) is not None
