"""The word tokenizer."""

import contextlib
import io
import pathlib

import tensorflow as tf

from aac_tf.text.standardization import count_words, standardize
from aac_tf.text.styles import STYLE
from aac_tf.text.vocabulary import END, PAD, START, UNKNOWN, Vocabulary

with contextlib.redirect_stdout(io.StringIO()):  # it prints "Using TensorFlow backend"
    from keras_nlp.tokenizers import Tokenizer


@tf.keras.utils.register_keras_serializable("aac_tf")
class WordTokenizer(Vocabulary, Tokenizer):
    """Maps captions to word ids and back; a `keras_nlp` tokenizer that works in graphs and SavedModels.

    `tokenize` maps strings `[batch]` to ragged word ids int32 `[batch, words]`, and a scalar string to ids `[words]`,
    without `<START>` and `<END>`. `detokenize` maps ids `[..., words]` to strings `[...]`; it stops at the first
    `<END>` and omits `<PAD>`, `<START>` and styles.

    A vocabulary may have styles, ways of speaking such as that of a dataset's annotators: special words
    `<STYLE:clotho>`, which take the place of `<START>`.

    Args:
        vocabulary: list of str, the special words `<PAD> <START> <END> <UNK>`, or only `<START> <END>`, followed by any
            styles and by the words. Without `<PAD>`, captions are padded with `<END>`; without `<UNK>`, unknown words
            are dropped.
        max_words: int, maximum number of words of a caption; longer ones are truncated.

    Attributes:
        styles: dict of the name of each style to its id, which is empty for a vocabulary without styles.

    Raises:
        ValueError: if the vocabulary lacks `<START>` or `<END>`, or has a duplicate word.

    Example:
        >>> from aac_tf.text import WordTokenizer
        >>> tokenizer = WordTokenizer.from_captions(["A dog barks.", "a dog howls"], min_count=2)
        >>> tokenizer.get_vocabulary()
        ['<PAD>', '<START>', '<END>', '<UNK>', 'a', 'dog']
        >>> tokenizer.detokenize(tokenizer.tokenize("A DOG!")).numpy()
        b'a dog'

    Reference:
        E. Labbe, T. Pellegrini, J. Pinquier, CoNeTTE: An efficient Audio Captioning system leveraging multiple datasets
        with Task Embedding, 2023, https://arxiv.org/abs/2309.00454, for styles.
    """

    def __init__(self, vocabulary, max_words=20, **kwargs):
        kwargs.setdefault("dtype", "int32")
        Tokenizer.__init__(self, **kwargs)
        Vocabulary.__init__(self, vocabulary, max_words)
        self._words = tf.constant(self.vocabulary)
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(self._words, tf.range(len(self.vocabulary))), default_value=-1
        )

    @classmethod
    def from_captions(cls, captions, min_count=10, max_words=20, padding=PAD, styles=()):
        """Builds a vocabulary from captions.

        Args:
            captions: iterable of str.
            min_count: int, minimum number of occurrences of a word; all words count, also of truncated captions.
            max_words: int, as for the class.
            padding: `<PAD>` for four special words; `<END>` for only `<START>` and `<END>`.
            styles: names of the styles.

        Returns:
            A `WordTokenizer` with words sorted by count, then alphabetically.
        """
        counts = count_words(captions)
        special = [PAD, START, END, UNKNOWN] if padding == PAD else [START, END]
        special += [STYLE.format(style) for style in styles]
        kept = (word for word in counts if counts[word] >= min_count)
        return cls(special + sorted(kept, key=lambda word: (-counts[word], word)), max_words)

    @classmethod
    def load(cls, path, max_words=20):
        """Reads a vocabulary file that `save` wrote."""
        return cls(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), max_words)

    def save(self, path):
        """Writes the vocabulary, one word per line."""
        pathlib.Path(path).write_text("".join(f"{word}\n" for word in self.vocabulary), encoding="utf-8")

    def tokenize(self, inputs):
        """Maps captions to word ids; see the class."""
        inputs = tf.convert_to_tensor(inputs)
        ids = tf.ragged.map_flat_values(self._table.lookup, tf.strings.split(standardize(inputs)))
        if self.unknown_id is None:
            ids = ids[ids >= 0] if ids.shape.rank == 1 else tf.ragged.boolean_mask(ids, ids >= 0)
        elif inputs.shape.rank == 0:
            ids = tf.where(ids >= 0, ids, self.unknown_id)
        else:
            ids = ids.with_flat_values(tf.where(ids.flat_values >= 0, ids.flat_values, self.unknown_id))
        return ids[..., : self.max_words]

    def encode(self, captions, style=None):
        """Maps captions to the tokens that training uses.

        Args:
            captions: list of str.
            style: style of the captions, see `style_id`, or a list with the style of each.

        Returns:
            (tokens int32 `[captions, max_words + 2]`: `<START>` or the style, words, `<END>` and padding; length int32
            `[captions]`: number of tokens before the padding).

        Raises:
            StyleError: if the vocabulary does not have a style.
        """
        if not len(captions):
            return tf.zeros([0, self.max_words + 2], tf.int32), tf.zeros([0], tf.int32)
        ids = self.tokenize(tf.constant(list(captions)))
        styles = [style] * len(captions) if style is None or isinstance(style, str) else style
        start = tf.constant([[self.style_id(style)] for style in styles], tf.int32)
        ids = tf.concat([start, ids, tf.fill([len(captions), 1], self.end_id)], axis=1)
        tokens = ids.to_tensor(self.pad_id, shape=[None, self.max_words + 2])
        return tokens, tf.cast(ids.row_lengths(), tf.int32)

    def detokenize(self, inputs):
        """Maps word ids to captions; see the class."""
        if isinstance(inputs, tf.RaggedTensor):
            inputs = inputs.to_tensor(self.end_id)
        ids = tf.convert_to_tensor(inputs)
        ended = tf.cumsum(tf.cast(ids == self.end_id, tf.int32), axis=-1) > 0
        special = [self.start_id, self.pad_id, *self.styles.values()]
        hidden = ended | tf.reduce_any([ids == token for token in special], axis=0)
        words = tf.where(hidden, "", tf.gather(self._words, ids))
        return tf.strings.strip(
            tf.strings.regex_replace(tf.strings.reduce_join(words, axis=-1, separator=" "), " +", " ")
        )

    def get_config(self):
        return {**super().get_config(), "vocabulary": self.vocabulary, "max_words": self.max_words}
