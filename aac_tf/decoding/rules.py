"""Constraints on the captions that a search may return."""

import dataclasses
from typing import Optional, Tuple, Union

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Rules:
    """Which words a caption may contain, how often, and how long it may be.

    Args:
        start_id: id of the token before the first word; an int, or an int32 tensor `[batch]` if it differs between
            clips.
        end_id: id of the token that ends a caption.
        max_words: maximum number of words, `end_id` not counted.
        min_words: minimum number of words.
        forbidden_ids: ids that never occur in a caption.
        repeatable_ids: ids of the words that may occur several times in a caption, but not directly after themselves;
            None allows all repetitions.
        no_repeat_ngram: length of the sequences of words that occur at most once in a caption; None allows repetition.

    If a caption that is shorter than `min_words` has no word left that is not a repetition, it ends there.

    Raises:
        ValueError: if no caption can follow the rules.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding import Greedy, Rules
        >>> def step(tokens, state, memory):
        ...     return tf.repeat([[0.0, 1.0, 2.0, 3.0]], tf.shape(tokens)[0], axis=0), state
        >>> rules = Rules(start_id=0, end_id=1, max_words=4, forbidden_ids=[0], repeatable_ids=[])
        >>> Greedy()(step, state=tf.zeros([1, 1]), memory=None, rules=rules).tokens.numpy()
        array([[[3, 2, 1, 1, 1]]], dtype=int32)

    Reference:
        R. Paulus, C. Xiong, R. Socher, "A Deep Reinforced Model for Abstractive Summarization", ICLR 2018,
        https://arxiv.org/abs/1705.04304, for n-grams; E. Labbe, T. Pellegrini, J. Pinquier, "CoNeTTE: An efficient
        Audio Captioning system leveraging multiple datasets with Task Embedding", 2023,
        https://arxiv.org/abs/2309.00454, for words that must not be repeated.
    """

    start_id: Union[int, tf.Tensor]
    end_id: int
    max_words: int = 20
    min_words: int = 1
    forbidden_ids: Tuple[int, ...] = ()
    repeatable_ids: Optional[Tuple[int, ...]] = None
    no_repeat_ngram: Optional[int] = None

    def __post_init__(self):
        object.__setattr__(self, "forbidden_ids", tuple(self.forbidden_ids))
        if self.repeatable_ids is not None:
            object.__setattr__(self, "repeatable_ids", tuple(self.repeatable_ids))
        if not 0 <= self.min_words <= self.max_words:
            raise ValueError(f"min_words must be in [0, max_words={self.max_words}], got {self.min_words}")
        if self.end_id in self.forbidden_ids:
            raise ValueError(f"end_id={self.end_id} must not be in forbidden_ids: no caption could end")
        if self.no_repeat_ngram is not None and self.no_repeat_ngram < 1:
            raise ValueError(f"no_repeat_ngram must be at least 1, or None, got {self.no_repeat_ngram}")

    def first_tokens(self, rows):
        """The tokens before the first words.

        Args:
            rows: int or int tensor, number of captions: a multiple of the batch. The rows of a clip are adjacent.

        Returns:
            int32 `[rows]`.
        """
        start = tf.convert_to_tensor(self.start_id, tf.int32)
        if start.shape.rank == 0:
            return tf.fill([rows], start)
        return tf.repeat(start, rows // tf.maximum(tf.shape(start)[0], 1))

    def log_probs(self, logits, position, tokens=None):
        """Log-probabilities of the next word; the lowest float32 for words that are not allowed.

        The probability of the words that are not allowed is not redistributed to the others, so the log-probability
        of a caption does not depend on the rules.

        Args:
            logits: float32 `[rows, vocabulary]`.
            position: int tensor, number of words so far.
            tokens: int32 `[rows, max_words + 1]`, the captions so far, padded with `end_id`. They are needed by rules
                about repetition only.

        Returns:
            float32 `[rows, vocabulary]`.

        Raises:
            ValueError: if `tokens` are needed and not given.
        """
        size = logits.shape[-1] or tf.shape(logits)[-1]
        allowed = tf.gather(self._by_phase(size), self._phase(position))
        if self._forbids_repetition:
            if tokens is None:
                raise ValueError("rules about repetition need the tokens so far: pass `tokens` to `Rules.log_probs`")
            end = _ids(size) == self.end_id
            allowed &= end | ~self._repetitions(tokens, position, size)
            allowed |= end & ~tf.reduce_any(allowed, axis=1, keepdims=True)
        return tf.where(allowed, tf.nn.log_softmax(logits), logits.dtype.min)

    @property
    def _forbids_repetition(self):
        return self.repeatable_ids is not None or self.no_repeat_ngram is not None

    def _phase(self, position):
        """Index into `_by_phase`: 0 before a caption may end, 2 when it must, 1 in between."""
        return tf.cast(position >= self.min_words, tf.int32) + tf.cast(position >= self.max_words, tf.int32)

    def _by_phase(self, size):
        """Words that are allowed whatever the caption contains, bool `[3, size]`; a constant if `size` is an int."""
        end, words = _ids(size) == self.end_id, _without(_ids(size), (self.end_id, *self.forbidden_ids))
        return tf.stack([words, words | end, end])

    def _repetitions(self, tokens, position, size):
        """Words that would be repetitions, bool `[rows, size]`; `end_id` may be among them."""
        found = []
        if self.repeatable_ids is not None:
            once = tf.constant(_without(_ids(size), self.repeatable_ids))
            found.append(tf.where(tf.gather(once, tokens), tokens, self.end_id))
            found.append(tf.gather(tokens, [tf.maximum(position - 1, 0)], axis=1))
        if self.no_repeat_ngram is not None:
            found.append(self._ends_of_ngrams(tokens, position))
        words = tf.concat(found, axis=1)
        rows = tf.shape(words)[0]
        row = tf.broadcast_to(tf.range(rows)[:, tf.newaxis], tf.shape(words))
        indices = tf.reshape(tf.stack([row, words], axis=-1), [-1, 2])
        return tf.scatter_nd(indices, tf.ones(tf.shape(indices)[:1]), tf.stack([rows, size])) > 0

    def _ends_of_ngrams(self, tokens, position):
        """Words that would complete an n-gram of the caption once more, int32 `[rows, windows]`; `end_id` is none."""
        before = self.no_repeat_ngram - 1
        windows = max(self.max_words + 1 - before, 0)
        last = tf.gather(tokens, tf.maximum(position - before + np.arange(before, dtype=np.int32), 0), axis=1)
        earlier = tf.gather(tokens, np.arange(windows)[:, np.newaxis] + np.arange(before, dtype=np.int32), axis=1)
        same = tf.reduce_all(earlier == last[:, tf.newaxis], axis=2)
        # The n-gram lies within the caption, and so does its beginning at the end of the caption.
        same &= np.arange(windows) + before < position
        return tf.where(same, tokens[:, before:], self.end_id)


def _ids(size):
    return np.arange(size, dtype=np.int32) if isinstance(size, int) else tf.range(size)


def _without(ids, removed):
    """Bool of the same shape, False for the ids to remove."""
    kept = ids == ids
    for one in removed:
        kept = kept & (ids != one)
    return kept
