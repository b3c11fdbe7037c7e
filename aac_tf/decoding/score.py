"""The log-probability of given captions."""

import tensorflow as tf

from aac_tf.decoding.generate import generate
from aac_tf.decoding.rules import Rules
from aac_tf.decoding.search import repeat_rows


def score_captions(step, state, memory, start_id, end_id, tokens):
    """Computes the log-probabilities of captions under a model.

    Args:
        step: see `Search`.
        state: see `Search`.
        memory: see `Search`.
        start_id: see `Rules`.
        end_id: see `Rules`.
        tokens: int32 `[batch, size, words]`, captions of known `size` and number of columns, padded with `end_id`; the
            last column is `end_id`.

    Returns:
        float32 `[batch, size]`.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding import score_captions
        >>> def step(tokens, state, memory):
        ...     return tf.math.log(tf.repeat([[0.25, 0.25, 0.5]], tf.shape(tokens)[0], axis=0)), state
        >>> found = score_captions(step, tf.zeros([1, 1]), None, 0, 1, tf.constant([[[2, 1, 1], [2, 2, 1]]]))
        >>> tf.exp(found).numpy()
        array([[0.125 , 0.0625]], dtype=float32)
    """
    size, columns = tokens.shape[1:]
    rows = tf.reshape(tokens, [-1, columns])
    rules = Rules(start_id, end_id, max_words=columns - 1, min_words=0)

    def given(log_probs, found, position):
        return tf.gather(rows, position, axis=1)

    return tf.reshape(generate(step, repeat_rows(state, size), memory, rules, given).log_probs, [-1, size])
