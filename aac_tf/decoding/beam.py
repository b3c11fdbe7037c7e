"""Beam search."""

import dataclasses

import tensorflow as tf

from aac_tf.decoding.greedy import Greedy
from aac_tf.decoding.rules import Rules
from aac_tf.decoding.search import Hypotheses, Search, keep_shapes, repeat_rows


@dataclasses.dataclass(frozen=True)
class Beam(Search):
    """Keeps the best hypotheses of every clip, finished ones included, until all of them have ended.

    If a clip has fewer possible captions than `beam_size`, the log-probability of the surplus hypotheses is below
    -1e30.

    Args:
        beam_size: number of hypotheses per clip; 1 is greedy search.
        length_penalty: exponent of the length that ranks hypotheses: log-probability / length ** length_penalty,
            where the length includes `end_id`. 0 ranks by log-probability; higher values favour longer captions.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding import Beam, Rules
        >>> def step(tokens, state, memory):
        ...     return tf.repeat([[0.0, 3.0, 2.0]], tf.shape(tokens)[0], axis=0), state
        >>> rules = Rules(start_id=0, end_id=1, max_words=3)
        >>> found = Beam(beam_size=2)(step, state=tf.zeros([1, 1]), memory=None, rules=rules)
        >>> found.tokens.numpy()
        array([[[2, 1, 1, 1],
                [2, 2, 1, 1]]], dtype=int32)
    """

    beam_size: int = 3
    length_penalty: float = 0.0

    def __post_init__(self):
        if self.beam_size < 1:
            raise ValueError(f"beam_size must be at least 1, got {self.beam_size}")

    @property
    def size(self):
        """The beam size."""
        return self.beam_size

    def __call__(self, step, state, memory, rules):
        """See `Search`."""
        if self.beam_size == 1:
            return Greedy()(step, state, memory, rules)
        return _search(step, state, memory, rules, self.beam_size, self.length_penalty)


def beam_search(
    step, state, memory, start_id, end_id, beam_size=3, max_words=20, min_words=1, forbidden_ids=(), length_penalty=0.0
):
    """Keeps the best hypotheses of every clip until all of them have ended, as the search `Beam` does.

    Args:
        step: see `Search`.
        state: see `Search`.
        memory: see `Search`.
        start_id: see `Rules`.
        end_id: see `Rules`.
        beam_size: see `Beam`.
        max_words: see `Rules`.
        min_words: see `Rules`.
        forbidden_ids: see `Rules`.
        length_penalty: see `Beam`.

    Returns:
        `Hypotheses` with tokens `[batch, beam_size, max_words + 1]`.
    """
    rules = Rules(start_id, end_id, max_words, min_words, forbidden_ids)
    return _search(step, state, memory, rules, beam_size, length_penalty)


def _search(step, state, memory, rules, beam_size, length_penalty):
    batch = tf.shape(tf.nest.flatten(state)[0])[0]
    columns = tf.range(rules.max_words + 1)

    def rank(log_probs, length):
        return log_probs / tf.cast(length, tf.float32) ** length_penalty if length_penalty else log_probs

    def running(position, tokens, log_probs, length, previous, ended, state):
        return ~tf.reduce_all(ended)

    def body(*variables):
        position, tokens, log_probs, length, previous, ended, state = variables
        logits, state = step(tf.reshape(previous, [-1]), state, memory)
        candidates = rules.log_probs(logits, position)
        size = tf.shape(candidates)[-1]
        candidates = tf.reshape(candidates, [batch, beam_size, size])
        # The only continuation of a finished hypothesis is the hypothesis itself.
        only_end = tf.where(tf.range(size) == rules.end_id, 0.0, candidates.dtype.min)
        candidates = log_probs[..., tf.newaxis] + tf.where(ended[..., tf.newaxis], only_end, candidates)
        # Sums of the lowest values would overflow to minus infinity, which top_k cannot order.
        candidates = tf.maximum(tf.reshape(candidates, [batch, beam_size * size]), candidates.dtype.min)
        length += tf.cast(~ended, tf.int32)
        scores = rank(candidates, tf.repeat(length, size, axis=1))
        _, best = tf.math.top_k(scores, k=beam_size)
        origin = best // size
        previous = best % size
        log_probs = tf.gather(candidates, best, batch_dims=1)
        length = tf.gather(length, origin, batch_dims=1)
        ended = tf.gather(ended, origin, batch_dims=1) | (previous == rules.end_id)
        tokens = tf.gather(tokens, origin, batch_dims=1)
        tokens = tf.where(columns == position, previous[..., tf.newaxis], tokens)
        rows = tf.reshape(tf.range(batch)[:, tf.newaxis] * beam_size + origin, [-1])
        state = tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), state)
        return keep_shapes((position + 1, tokens, log_probs, length, previous, ended, state), variables)

    # All hypotheses of a clip start out identical: only the first one may be extended at the first step.
    first = tf.where(tf.range(beam_size) == 0, 0.0, tf.float32.min)
    _, tokens, log_probs, *_ = tf.while_loop(
        running,
        body,
        (
            tf.constant(0),
            tf.fill([batch, beam_size, rules.max_words + 1], rules.end_id),
            tf.repeat(first[tf.newaxis], batch, axis=0),
            tf.zeros([batch, beam_size], tf.int32),
            tf.reshape(rules.first_tokens(batch * beam_size), [batch, beam_size]),
            tf.zeros([batch, beam_size], tf.bool),
            repeat_rows(state, beam_size),
        ),
        maximum_iterations=rules.max_words + 1,
    )
    return Hypotheses(tokens, log_probs)
