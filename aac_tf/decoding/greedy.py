"""Greedy search."""

import dataclasses

import tensorflow as tf

from aac_tf.decoding.generate import generate
from aac_tf.decoding.rules import Rules
from aac_tf.decoding.search import Hypotheses, Search


@dataclasses.dataclass(frozen=True)
class Greedy(Search):
    """Takes the most likely word at every step.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding import Greedy, Rules
        >>> def step(tokens, state, memory):
        ...     return tf.repeat([[0.0, 1.0, 2.0]], tf.shape(tokens)[0], axis=0), state
        >>> found = Greedy()(step, state=tf.zeros([1, 1]), memory=None, rules=Rules(start_id=0, end_id=1, max_words=3))
        >>> found.tokens.numpy()
        array([[[2, 2, 2, 1]]], dtype=int32)
    """

    @property
    def size(self):
        """One caption per clip."""
        return 1

    def __call__(self, step, state, memory, rules):
        """See `Search`."""
        found = generate(step, state, memory, rules, _most_likely)
        return Hypotheses(found.tokens[:, tf.newaxis], found.log_probs[:, tf.newaxis])


def greedy_search(step, state, memory, start_id, end_id, max_words=20, min_words=1, forbidden_ids=()):
    """Takes the most likely word at every step, as the search `Greedy` does.

    Args:
        step: see `Search`.
        state: see `Search`.
        memory: see `Search`.
        start_id: see `Rules`.
        end_id: see `Rules`.
        max_words: see `Rules`.
        min_words: see `Rules`.
        forbidden_ids: see `Rules`.

    Returns:
        `Hypotheses` without the `size` axis: tokens int32 `[batch, max_words + 1]` and log_probs float32 `[batch]`.
    """
    rules = Rules(start_id, end_id, max_words, min_words, forbidden_ids)
    return generate(step, state, memory, rules, _most_likely)


def _most_likely(log_probs, tokens, position):
    return tf.argmax(log_probs, axis=-1, output_type=tf.int32)
