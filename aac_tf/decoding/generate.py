"""The loop shared by the searches that choose one word at a time and never revise a choice."""

import tensorflow as tf

from aac_tf.decoding.search import Hypotheses, keep_shapes


def generate(step, state, memory, rules, choose):
    """Extends one caption per row of the state, word by word, until all captions have ended.

    Args:
        step: see `Search`.
        state: nest of tensors `[rows, ...]`.
        memory: see `Search`.
        rules: `Rules`.
        choose: function `(log_probs, tokens, position) -> int32 [rows]` that chooses the next words. `log_probs`
            float32 `[rows, vocabulary]` come from `Rules.log_probs`; `tokens` int32 `[rows, max_words + 1]` are the
            captions so far, padded with `end_id`; `position` is an int32 scalar, the number of words so far.

    Returns:
        `Hypotheses` without the `size` axis: tokens int32 `[rows, max_words + 1]` and log_probs float32 `[rows]`.
    """
    rows = tf.shape(tf.nest.flatten(state)[0])[0]
    columns = tf.range(rules.max_words + 1)

    def running(position, tokens, log_probs, previous, ended, state):
        return ~tf.reduce_all(ended)

    def body(*variables):
        position, tokens, log_probs, previous, ended, state = variables
        logits, state = step(previous, state, memory)
        candidates = rules.log_probs(logits, position, tokens)
        chosen = tf.where(ended, rules.end_id, choose(candidates, tokens, position))
        log_probs += tf.where(ended, 0.0, tf.gather(candidates, chosen, batch_dims=1))
        tokens = tf.where(columns == position, chosen[:, tf.newaxis], tokens)
        ended |= chosen == rules.end_id
        return keep_shapes((position + 1, tokens, log_probs, chosen, ended, state), variables)

    _, tokens, log_probs, _, _, _ = tf.while_loop(
        running,
        body,
        (
            tf.constant(0),
            tf.fill([rows, rules.max_words + 1], rules.end_id),
            tf.zeros([rows]),
            rules.first_tokens(rows),
            tf.zeros([rows], tf.bool),
            state,
        ),
        maximum_iterations=rules.max_words + 1,
    )
    return Hypotheses(tokens, log_probs)
