"""The step shared by beam searches: the best continuations of the hypotheses of a clip."""

import typing

import tensorflow as tf

from aac_tf.decoding.search import count_words
from aac_tf.decoding.top_words import top_words


class Continuations(typing.NamedTuple):
    """The best continuations of a clip's hypotheses, best first.

    Attributes:
        origin: int32 `[batch, size]`, which hypothesis each of them continues.
        words: int32 `[batch, size]`, the next word of each; `end_id` for one that has ended.
        log_probs: float32 `[batch, size]`, the log-probability of each.
    """

    origin: tf.Tensor
    words: tf.Tensor
    log_probs: tf.Tensor


def best_continuations(candidates, tokens, log_probs, ended, end_id, length_penalty, discount=None):
    """Finds the best continuations of the hypotheses of each clip.

    Args:
        candidates: float32 `[batch, size, vocabulary]`, log-probabilities of the next word.
        tokens: int32 `[batch, size, columns]`, hypotheses so far, padded with `end_id`.
        log_probs: float32 `[batch, size]`.
        ended: bool `[batch, size]`, whether a hypothesis has ended: its only continuation is the hypothesis itself.
        end_id: int.
        length_penalty: see `Beam`.
        discount: float32 `[batch, vocabulary]` that is subtracted from the rank of a continuation with this word, but
            not from its log-probability; None subtracts nothing.

    Returns:
        `Continuations`.
    """
    size, vocabulary = candidates.shape[1], candidates.shape[2] or tf.shape(candidates)[2]
    # No hypothesis contributes more than `size` of the best, so the rest of the step works on `size` words of each.
    words_each = min(size, vocabulary) if isinstance(vocabulary, int) else tf.minimum(size, vocabulary)
    wanted = candidates if discount is None else candidates - discount[:, tf.newaxis]
    values, words = top_words(wanted, words_each)
    if discount is not None:
        values = tf.gather(candidates, words, batch_dims=2)
    ended = ended[..., tf.newaxis]
    values = tf.where(ended, tf.one_hot(0, words_each, 0.0, values.dtype.min), values)
    words = tf.where(ended, end_id, words)
    # Sums of the lowest values would overflow to minus infinity, which top_k cannot order.
    values = tf.maximum(log_probs[..., tf.newaxis] + values, values.dtype.min)
    scores = values
    if length_penalty:
        scores = penalized(values, count_words(tokens, end_id)[..., tf.newaxis], length_penalty)
    if discount is not None:
        scores -= tf.where(ended, 0.0, tf.gather(discount, words, batch_dims=1))
    flat = [tf.shape(values)[0], size * words_each]
    best_scores, best = tf.math.top_k(tf.reshape(scores, flat), k=size)
    best_values = best_scores if scores is values else tf.gather(tf.reshape(values, flat), best, batch_dims=1)
    return Continuations(best // words_each, tf.gather(tf.reshape(words, flat), best, batch_dims=1), best_values)


def penalized(log_probs, words, length_penalty):
    """The value that ranks captions: `log_probs` divided by a power of the length, which includes the end."""
    if not length_penalty:
        return log_probs
    return log_probs / tf.cast(words + 1, tf.float32) ** length_penalty
