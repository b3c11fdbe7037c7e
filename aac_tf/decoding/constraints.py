"""Constraints on captions by word, as a user gives them; `Rules` has them by id."""

import dataclasses
import difflib
from typing import Optional, Tuple

from aac_tf.decoding.function_words import FUNCTION_WORDS
from aac_tf.errors import AacError
from aac_tf.utils.counting import counted

REPEAT_CHOICES = ("any", "function", "none")


class ConstraintError(AacError, ValueError):
    """Constraints that no caption of a model can follow, or with a word that the model does not know."""


@dataclasses.dataclass(frozen=True)
class Constraints:
    """Which words captions may contain, how often, and how long they may be.

    The defaults leave everything to the model.

    Args:
        min_words: minimum number of words.
        max_words: maximum number of words; None takes that of the vocabulary.
        forbidden_words: words that captions never contain.
        repeat_words: words that may occur twice in a caption: `any`; `function`, only function words (articles,
            prepositions, conjunctions, auxiliary verbs; see `FUNCTION_WORDS`), but not directly after themselves; or
            `none`.
        repeatable_words: further words that may occur twice, such as `man` for "a man speaks and a man laughs".
        no_repeat_ngram: length of the sequences of words that occur at most once in a caption; None allows repetition.

    Raises:
        ConstraintError: if a value is out of range.

    Example:
        >>> from aac_tf.decoding import Constraints
        >>> vocabulary = ["<PAD>", "<START>", "<END>", "<UNK>", "a", "dog", "barks", "bark", "and"]
        >>> Constraints(repeat_words="function", forbidden_words=["dog"]).rules(vocabulary, max_words=20)
        {'max_words': 20, 'min_words': 1, 'forbidden_ids': (5,), 'repeatable_ids': (4, 8), 'no_repeat_ngram': None}
        >>> Constraints(forbidden_words=["barking"]).rules(vocabulary, max_words=20)
        Traceback (most recent call last):
        ...
        aac_tf.decoding.constraints.ConstraintError: forbidden_words: the model does not know the word `barking`; \
similar words that it knows: bark, barks

    Reference:
        E. Labbe, T. Pellegrini, J. Pinquier, "CoNeTTE: An efficient Audio Captioning system leveraging multiple
        datasets with Task Embedding", 2023, https://arxiv.org/abs/2309.00454, for `repeat_words="function"`.
    """

    min_words: int = 1
    max_words: Optional[int] = None
    forbidden_words: Tuple[str, ...] = ()
    repeat_words: str = "any"
    repeatable_words: Tuple[str, ...] = ()
    no_repeat_ngram: Optional[int] = None

    def __post_init__(self):
        for name in ("forbidden_words", "repeatable_words"):
            if isinstance(getattr(self, name), str):
                raise ConstraintError(f"{name} must be a list of words, got the text {getattr(self, name)!r}")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.repeat_words not in REPEAT_CHOICES:
            raise ConstraintError(f"repeat_words must be one of {', '.join(REPEAT_CHOICES)}, got {self.repeat_words!r}")
        if self.repeatable_words and self.repeat_words == "any":
            raise ConstraintError("repeatable_words needs repeat_words=function or none: now all words may be repeated")
        if self.no_repeat_ngram is not None and self.no_repeat_ngram < 1:
            raise ConstraintError(f"no_repeat_ngram must be at least 1, or None, got {self.no_repeat_ngram}")
        if self.min_words < 0:
            raise ConstraintError(f"min_words must be at least 0, got {self.min_words}")

    @classmethod
    def from_options(cls, options):
        """Makes constraints from a dict of options, which may also have others, such as those of a search."""
        names = {item.name for item in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in options.items() if name in names})

    def rules(self, vocabulary, max_words):
        """Looks the words up in a vocabulary.

        Args:
            vocabulary: list of str, the words in the order of their ids; special words are in angle brackets.
            max_words: int, maximum number of words that the model supports.

        Returns:
            dict, arguments of `Rules`.

        Raises:
            ConstraintError: if the vocabulary lacks a word, or no caption can follow the constraints.
        """
        ids = {word: index for index, word in enumerate(vocabulary) if not word.startswith("<")}
        most = max_words if self.max_words is None else self.max_words
        if most > max_words:
            raise ConstraintError(f"max_words={most}: the model was trained for at most {counted(max_words, 'word')}")
        if not self.min_words <= most:
            raise ConstraintError(f"min_words={self.min_words} is more than the maximum of {counted(most, 'word')}")
        if (self.no_repeat_ngram or 0) > max_words:
            raise ConstraintError(
                f"no_repeat_ngram={self.no_repeat_ngram}: captions have at most {counted(max_words, 'word')}"
            )
        forbidden = _look_up("forbidden_words", self.forbidden_words, ids)
        if self.min_words and forbidden and len(set(forbidden)) == len(ids):
            raise ConstraintError("forbidden_words: there is no other word in the vocabulary")
        repeatable = None
        if self.repeat_words != "any":
            function_words = [word for word in ids if word in FUNCTION_WORDS and self.repeat_words == "function"]
            repeatable = tuple(
                sorted(set(_look_up("repeatable_words", (*self.repeatable_words, *function_words), ids)))
            )
        return {
            "max_words": most,
            "min_words": self.min_words,
            "forbidden_ids": forbidden,
            "repeatable_ids": repeatable,
            "no_repeat_ngram": self.no_repeat_ngram,
        }


def _look_up(name, words, ids):
    """The ids of words, a tuple of int."""
    for word in words:
        if word not in ids:
            near = difflib.get_close_matches(word, ids, n=3)
            hint = f"; similar words that it knows: {', '.join(near)}" if near else ""
            raise ConstraintError(f"{name}: the model does not know the word `{word}`{hint}")
    return tuple(ids[word] for word in words)
