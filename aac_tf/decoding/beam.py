"""Beam search."""

import dataclasses
import numbers

import tensorflow as tf

from aac_tf.decoding.continuations import best_continuations, penalized
from aac_tf.decoding.greedy import Greedy
from aac_tf.decoding.rules import Rules
from aac_tf.decoding.search import Hypotheses, Search, count_words, repeat_rows, sort_hypotheses, take_rows
from aac_tf.decoding.unfinished import loop_over_unfinished


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
        whole = isinstance(self.beam_size, numbers.Integral) and not isinstance(self.beam_size, bool)
        if not (whole and self.beam_size >= 1):
            raise ValueError(f"beam_size must be an integer of at least 1, got {self.beam_size!r}")

    @property
    def size(self):
        """The beam size."""
        return self.beam_size

    def __call__(self, step, state, memory, rules):
        """See `Search`."""
        if self.beam_size == 1:
            return Greedy()(step, state, memory, rules)
        return _search(step, state, memory, rules, self.beam_size, self.length_penalty)

    def rank(self, hypotheses, end_id):
        """See `Search.rank`."""
        words = count_words(hypotheses.tokens, end_id)
        return sort_hypotheses(hypotheses, penalized(hypotheses.log_probs, words, self.length_penalty))

    def with_beam_size(self, beam_size):
        """See `Search.with_beam_size`."""
        return dataclasses.replace(self, beam_size=beam_size)


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
    def choose(candidates, tokens, log_probs, ended):
        return best_continuations(candidates, tokens, log_probs, ended, rules.end_id, length_penalty)

    # All hypotheses of a clip start out identical: only the first one may be extended at the first step.
    first = tf.where(tf.range(beam_size) == 0, 0.0, tf.float32.min)
    return extend_beam(step, state, memory, rules, first, choose)


def extend_beam(step, state, memory, rules, first, choose):
    """Extends the hypotheses of each clip, word by word, until all of them have ended.

    Args:
        step: see `Search`.
        state: see `Search`.
        memory: see `Search`.
        rules: `Rules`.
        first: float32 `[size]`, log-probabilities of a clip's hypotheses before the first word.
        choose: function `(candidates, tokens, log_probs, ended) -> Continuations` that chooses the hypotheses to keep;
            see `best_continuations`.

    Returns:
        `Hypotheses`.
    """
    batch, beam_size = tf.shape(tf.nest.flatten(state)[0])[0], first.shape[0]
    columns = tf.range(rules.max_words + 1)

    def going(position, found, rest):
        previous, _ = rest
        # Some decoders start captions with `end_id`.
        return (position == 0) | tf.reduce_any(tf.reshape(previous, [-1, beam_size]) != rules.end_id, axis=1)

    def body(position, found, rest, memory):
        (tokens, log_probs), (previous, state) = found, rest
        logits, state = step(previous, state, memory)
        candidates = rules.log_probs(logits, position, tf.reshape(tokens, [-1, rules.max_words + 1]))
        clips, size = tf.shape(tokens)[0], candidates.shape[-1] or tf.shape(candidates)[-1]
        candidates = tf.reshape(candidates, [clips, beam_size, size])
        ended = (tf.reshape(previous, [-1, beam_size]) == rules.end_id) & (position > 0)
        chosen = choose(candidates, tokens, log_probs, ended)
        rows = tf.reshape(tf.range(clips)[:, tf.newaxis] * beam_size + chosen.origin, [-1])
        tokens = tf.gather(tokens, chosen.origin, batch_dims=1)
        tokens = tf.where(columns == position, chosen.words[..., tf.newaxis], tokens)
        return Hypotheses(tokens, chosen.log_probs), (tf.reshape(chosen.words, [-1]), take_rows(state, rows))

    return loop_over_unfinished(
        body,
        going,
        Hypotheses(
            tf.fill([batch, beam_size, rules.max_words + 1], rules.end_id),
            tf.repeat(first[tf.newaxis], batch, axis=0),
        ),
        (rules.first_tokens(batch * beam_size), repeat_rows(state, beam_size)),
        memory,
        beam_size,
        rules.max_words + 1,
    )
