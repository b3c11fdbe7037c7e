"""Greedy search."""

import tensorflow as tf

from aac_tf.decoding.rules import Hypotheses, word_log_probs


def greedy_search(step, state, memory, start_id, end_id, max_words=20, min_words=1, forbidden_ids=()):
    """Takes the likeliest word at every step.

    Args:
        step: function `(tokens [batch], state, memory) -> (logits float32 [batch, vocabulary], state)`.
        state: nest of tensors `[batch, ...]`, the first state.
        memory: whatever every step needs beside the state.
        start_id: int, the word before the first.
        end_id: int, the word that ends a caption.
        max_words: int, longest caption; `end_id` follows it at the latest.
        min_words: int, shortest caption.
        forbidden_ids: ids that are never chosen.

    Returns:
        `Hypotheses` with tokens `[batch, max_words + 1]`. The loop ends when all captions of the batch have.
    """
    batch = tf.shape(tf.nest.flatten(state)[0])[0]
    words = tf.range(max_words + 1)

    def running(position, tokens, log_probs, previous, ended, state):
        return ~tf.reduce_all(ended)

    def body(position, tokens, log_probs, previous, ended, state):
        logits, state = step(previous, state, memory)
        candidates = word_log_probs(logits, position, end_id, max_words, min_words, forbidden_ids)
        chosen = tf.where(ended, end_id, tf.argmax(candidates, axis=-1, output_type=tf.int32))
        log_probs += tf.where(ended, 0.0, tf.reduce_max(candidates, axis=-1))
        tokens = tf.where(words == position, chosen[:, tf.newaxis], tokens)
        return position + 1, tokens, log_probs, chosen, ended | (chosen == end_id), state

    _, tokens, log_probs, _, _, _ = tf.while_loop(
        running,
        body,
        (
            tf.constant(0),
            tf.fill([batch, max_words + 1], end_id),
            tf.zeros([batch]),
            tf.fill([batch], start_id),
            tf.zeros([batch], tf.bool),
            state,
        ),
        maximum_iterations=max_words + 1,
    )
    return Hypotheses(tokens, log_probs)
