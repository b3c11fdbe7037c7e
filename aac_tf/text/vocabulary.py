"""The vocabulary of a model: words and their ids."""

import collections
import itertools

import numpy as np

from aac_tf.text.styles import NO_STYLE, check_style, find_styles

PAD, START, END, UNKNOWN = "<PAD>", "<START>", "<END>", "<UNK>"


class Vocabulary:
    """Words in the order of their ids, and what their ids mean: all that captioning needs of a `WordTokenizer`.

    This module imports neither TensorFlow nor keras-nlp.

    Args:
        vocabulary: list of str, see `WordTokenizer`.
        max_words: int, maximum number of words of a caption.

    Attributes:
        styles: dict of the name of each style to its id, which is empty for a vocabulary without styles.

    Raises:
        ValueError: if the vocabulary lacks `<START>` or `<END>`, or has a duplicate word.

    Example:
        >>> from aac_tf.text.vocabulary import Vocabulary
        >>> vocabulary = Vocabulary(["<PAD>", "<START>", "<END>", "<UNK>", "a", "dog", "barks"])
        >>> vocabulary.to_words([4, 5, 6, 2, 2])
        ['a', 'dog', 'barks']
        >>> vocabulary.to_text([1, 4, 5, 6, 2, 2])
        'a dog barks'
    """

    def __init__(self, vocabulary, max_words=20):
        self.vocabulary = list(vocabulary)
        self.max_words = max_words
        self._ids = {word: index for index, word in enumerate(self.vocabulary)}
        if len(self._ids) != len(self.vocabulary):
            twice = next(word for word, count in collections.Counter(self.vocabulary).items() if count > 1)
            raise ValueError(f"the words of a vocabulary must be unique; `{twice}` is duplicated")
        if START not in self._ids or END not in self._ids:
            raise ValueError(f"a vocabulary needs {START} and {END}; this one begins with {self.vocabulary[:4]}")
        self.start_id, self.end_id = self._ids[START], self._ids[END]
        self.unknown_id = self._ids.get(UNKNOWN)
        self.pad_id = self._ids.get(PAD, self.end_id)
        self.styles = find_styles(self.vocabulary)

    def vocabulary_size(self):
        """Number of words, including the special ones."""
        return len(self.vocabulary)

    def get_vocabulary(self):
        """Words in the order of their ids."""
        return list(self.vocabulary)

    def id_to_token(self, id):
        """Word of an id."""
        return self.vocabulary[id]

    def token_to_id(self, token):
        """Id of a word; for an unknown word the id of `<UNK>`, or None if the vocabulary has no `<UNK>`."""
        return self._ids.get(token, self.unknown_id)

    @property
    def special_ids(self):
        """Ids of the special words except `<END>`: a generated caption never contains them."""
        return sorted({self.pad_id, self.start_id, self.unknown_id, *self.styles.values()} - {None, self.end_id})

    def style_id(self, style):
        """Id of the token before the first word of a caption.

        Args:
            style: str, name of a style; None or `none` for that of `<START>`.

        Raises:
            StyleError: if the vocabulary does not have the style.
        """
        check_style(style, self.styles)
        return self.start_id if style is None or style == NO_STYLE else self.styles[style]

    def known_style(self, style):
        """The style itself if the vocabulary has it, otherwise None."""
        return style if style in self.styles else None

    def to_words(self, ids):
        """Returns the words, a list of str, of the ids `[words]` of a caption, up to its end."""
        return [
            self.vocabulary[id] for id in itertools.takewhile(lambda id: id != self.end_id, np.asarray(ids).tolist())
        ]

    def to_text(self, ids):
        """Returns the caption, a str, of ids `[words]`, as `WordTokenizer.detokenize` does in graphs."""
        silent = {START, PAD, *map(self.vocabulary.__getitem__, self.styles.values())}
        return " ".join(word for word in self.to_words(ids) if word not in silent)
