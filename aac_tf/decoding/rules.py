"""Constraints on the captions that a search may return."""

import dataclasses
from typing import Tuple, Union

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Rules:
    """Which words a caption may contain and how long it may be.

    Args:
        start_id: id of the token before the first word; an int, or an int32 tensor `[batch]` if it differs between
            clips.
        end_id: id of the token that ends a caption.
        max_words: maximum number of words, `end_id` not counted.
        min_words: minimum number of words.
        forbidden_ids: ids that never occur in a caption.

    Raises:
        ValueError: if no caption can follow the rules.
    """

    start_id: Union[int, tf.Tensor]
    end_id: int
    max_words: int = 20
    min_words: int = 1
    forbidden_ids: Tuple[int, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "forbidden_ids", tuple(self.forbidden_ids))
        if not 0 <= self.min_words <= self.max_words:
            raise ValueError(f"min_words must be in [0, max_words={self.max_words}], got {self.min_words}")
        if self.end_id in self.forbidden_ids:
            raise ValueError(f"end_id={self.end_id} must not be in forbidden_ids: no caption could end")

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

    def log_probs(self, logits, position):
        """Log-probabilities of the next word; the lowest float32 for words that are not allowed.

        The probability of the words that are not allowed is not redistributed to the others, so the log-probability
        of a caption does not depend on the rules.

        Args:
            logits: float32 `[rows, vocabulary]`.
            position: int tensor, number of words so far.

        Returns:
            float32 `[rows, vocabulary]`.
        """
        size = logits.shape[-1] or tf.shape(logits)[-1]
        ids = tf.range(size)
        allowed = tf.where(position < self.max_words, tf.ones([size], tf.bool), ids == self.end_id)
        allowed &= (ids != self.end_id) | (position >= self.min_words)
        for forbidden in self.forbidden_ids:
            allowed &= ids != forbidden
        return tf.where(allowed, tf.nn.log_softmax(logits), logits.dtype.min)
