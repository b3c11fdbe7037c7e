"""Beam search."""

import tensorflow as tf

from aac_tf.decoding.rules import Hypotheses, word_log_probs


def beam_search(
    step, state, memory, start_id, end_id, beam_size=3, max_words=20, min_words=1, forbidden_ids=(), length_penalty=0.0
):
    """Keeps the `beam_size` best hypotheses of every clip, ended ones among them, until all have ended.

    Arguments are those of `greedy_search`, to which `beam_size=1` is equal, and:

    Args:
        step: see `greedy_search`; it is called with `batch * beam_size` rows of tokens and state, a clip's together.
        state: see `greedy_search`, `[batch, ...]`.
        memory: see `greedy_search`; it is handed on as it is.
        start_id: see `greedy_search`.
        end_id: see `greedy_search`.
        beam_size: int, hypotheses kept for each clip.
        max_words: see `greedy_search`.
        min_words: see `greedy_search`.
        forbidden_ids: see `greedy_search`.
        length_penalty: float; hypotheses are ranked by log-probability / length ** length_penalty, `<END>` counted.

    Returns:
        `Hypotheses` with tokens `[batch, beam_size, max_words + 1]`, best first, and their plain log-probabilities.
        Where a clip has fewer possible captions than `beam_size`, the log-probability of the surplus is below -1e30.
    """
    batch = tf.shape(tf.nest.flatten(state)[0])[0]
    words = tf.range(max_words + 1)
    state = tf.nest.map_structure(lambda tensor: tf.repeat(tensor, beam_size, axis=0), state)

    def rank(log_probs, length):
        return log_probs / tf.cast(length, tf.float32) ** length_penalty if length_penalty else log_probs

    def running(position, tokens, log_probs, length, previous, ended, state):
        return ~tf.reduce_all(ended)

    def body(position, tokens, log_probs, length, previous, ended, state):
        logits, state = step(tf.reshape(previous, [-1]), state, memory)
        candidates = word_log_probs(logits, position, end_id, max_words, min_words, forbidden_ids)
        size = tf.shape(candidates)[-1]
        candidates = tf.reshape(candidates, [batch, beam_size, size])
        # An ended hypothesis has one continuation: itself.
        only_end = tf.where(tf.range(size) == end_id, 0.0, candidates.dtype.min)
        candidates = log_probs[..., tf.newaxis] + tf.where(ended[..., tf.newaxis], only_end, candidates)
        # Sums of lowest values would overflow to minus infinity, and infinities have no order among each other.
        candidates = tf.maximum(tf.reshape(candidates, [batch, beam_size * size]), candidates.dtype.min)
        length += tf.cast(~ended, tf.int32)
        scores = rank(candidates, tf.repeat(length, size, axis=1))
        _, best = tf.math.top_k(scores, k=beam_size)
        origin = best // size
        previous = best % size
        log_probs = tf.gather(candidates, best, batch_dims=1)
        length = tf.gather(length, origin, batch_dims=1)
        ended = tf.gather(ended, origin, batch_dims=1) | (previous == end_id)
        tokens = tf.gather(tokens, origin, batch_dims=1)
        tokens = tf.where(words == position, previous[..., tf.newaxis], tokens)
        rows = tf.reshape(tf.range(batch)[:, tf.newaxis] * beam_size + origin, [-1])
        state = tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), state)
        return position + 1, tokens, log_probs, length, previous, ended, state

    # All hypotheses of a clip begin alike: only the first may be continued at the first step.
    first = tf.where(tf.range(beam_size) == 0, 0.0, tf.float32.min)
    _, tokens, log_probs, *_ = tf.while_loop(
        running,
        body,
        (
            tf.constant(0),
            tf.fill([batch, beam_size, max_words + 1], end_id),
            tf.repeat(first[tf.newaxis], batch, axis=0),
            tf.zeros([batch, beam_size], tf.int32),
            tf.fill([batch, beam_size], start_id),
            tf.zeros([batch, beam_size], tf.bool),
            state,
        ),
        maximum_iterations=max_words + 1,
    )
    return Hypotheses(tokens, log_probs)
