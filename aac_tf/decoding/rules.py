"""What every search returns and which words it may choose."""

import typing

import tensorflow as tf


class Hypotheses(typing.NamedTuple):
    """Captions found by a search.

    Attributes:
        tokens: int32 `[batch, words]` (greedy) or `[batch, beam, words]`, best first; `<END>` and, after it, `<END>`.
        log_probs: float32 `[batch]` or `[batch, beam]`: sum over the words and `<END>`.
    """

    tokens: tf.Tensor
    log_probs: tf.Tensor


def word_log_probs(logits, position, end_id, max_words, min_words, forbidden_ids):
    """Log-probabilities of the next word, minus infinity for words that may not come here.

    Args:
        logits: float32 `[rows, vocabulary]`.
        position: int tensor, number of words so far.
        end_id: int. After `max_words` words nothing else may come; before `min_words` it may not.
        max_words: int.
        min_words: int.
        forbidden_ids: list of int, words that never come.

    Returns:
        float32 `[rows, vocabulary]`: the model's log-probabilities; those of forbidden words are not shared out
        among the others, so a caption's value does not depend on the rules.
    """
    size = logits.shape[-1] or tf.shape(logits)[-1]
    ids = tf.range(size)
    allowed = tf.where(position < max_words, tf.ones([size], tf.bool), ids == end_id)
    allowed &= (ids != end_id) | (position >= min_words)
    for forbidden in forbidden_ids:
        allowed &= ids != forbidden
    return tf.where(allowed, tf.nn.log_softmax(logits), logits.dtype.min)
