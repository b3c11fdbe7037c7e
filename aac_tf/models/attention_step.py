"""One word of `AttentionDecoder` at inference, faster than the Keras cell for clips of few encoder steps."""

import tensorflow as tf

from aac_tf.models.recurrent_equations import LSTMEquations

# Maximum number of encoder steps. With more, reading the projected steps for each word costs more than the product that
# they save, and they take too much memory.
MAX_STEPS = 1024


def context_gates(lstm, encoded):
    """Computes what each encoder step adds to the gates of the LSTM if all attention is on it.

    The context is a weighted sum of encoder steps, so its product with the LSTM's kernel is the weighted sum of the
    projected steps. Projecting them once saves each word a product that reads megabytes of weights.

    Args:
        lstm: `tf.keras.layers.LSTMCell`, built, whose inputs are embedding and context.
        encoded: float32 `[batch, steps, width]`.

    Returns:
        float32 `[batch, steps, 4 * units]`; `[batch, 0, 4 * units]` if there are more than `MAX_STEPS` steps.
    """
    width, steps = encoded.shape[-1], encoded.shape[1]
    if steps is None:
        kept = tf.where(tf.shape(encoded)[1] <= MAX_STEPS, tf.shape(encoded)[1], 0)
    else:
        kept = steps if steps <= MAX_STEPS else 0
    few = encoded[:, :kept]
    rows = tf.matmul(tf.reshape(few, [-1, width]), tf.cast(lstm.kernel[-width:], encoded.dtype))
    return tf.reshape(rows, [tf.shape(few)[0], tf.shape(few)[1], 4 * lstm.units])


def attention_step(cell, inputs, state, keys, mask, gates):
    """Computes the states of an `AttentionCell` after a word; they equal those of the cell except for rounding.

    Args:
        cell: `AttentionCell`, built, in float32.
        inputs: float32 `[batch * k, embedding]`, the embedding of the word.
        state: (hidden, memory), float32 `[batch * k, units]`.
        keys: as for the cell.
        mask: as for the cell.
        gates: result of `context_gates`.

    Returns:
        (hidden, memory) after the word.
    """
    lstm, attention, hidden = cell.lstm, cell.attention, state[0]
    batch, steps = tf.shape(keys)[0], tf.shape(keys)[1]
    # Tensors that differ in two axes are added slowly, so the queries are repeated first.
    queries = tf.repeat(tf.matmul(hidden, attention.query_kernel), steps, axis=0)
    alpha = tf.nn.relu(tf.reshape(queries, [batch, -1, steps, attention.units]) + keys[:, tf.newaxis])
    scores = tf.reshape(tf.matmul(tf.reshape(alpha, [-1, attention.units]), attention.score_kernel), [batch, -1, steps])
    scores = tf.where(mask[:, tf.newaxis], scores, scores.dtype.min)
    # For so few numbers, oneDNN's softmax takes longer than these ops.
    weights = tf.exp(scores - tf.reduce_max(scores, axis=-1, keepdims=True))
    weights /= tf.reduce_sum(weights, axis=-1, keepdims=True)
    context = tf.reshape(tf.matmul(weights, gates), [-1, 4 * lstm.units])
    word = tf.matmul(inputs, lstm.kernel[: inputs.shape[-1]])
    from_hidden = tf.matmul(hidden, lstm.recurrent_kernel)
    return tuple(LSTMEquations.step(word + context + lstm.bias, from_hidden, state))
