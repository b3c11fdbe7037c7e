"""One direction of a recurrent layer at inference on a CPU: faster than the Keras layer, and in less memory."""

import numpy as np
import tensorflow as tf

# Number of steps, over all rows of a batch, whose products with the input kernel are computed together.
PART_STEPS = 8192


def recurrent_loop(cell, inputs, length, stride=1, backward=False, residual=None):
    """Runs an LSTM or GRU cell over time and keeps every `stride`-th hidden state.

    A Keras layer multiplies, masks and updates one step after another. Here the products with the input are computed
    for many steps together (not for all, because the gates of half an hour of log-mels would take a gigabyte), padding
    needs no mask since its gates are closed, and one small product and the gates remain for each step.

    Args:
        cell: `tf.keras.layers.LSTMCell` or `GRUCell`, built.
        inputs: list of float32 `[time, batch, features]`, which concatenated are the input of the cell.
        length: int32 `[batch]`, valid steps of each row.
        stride: int.
        backward: bool, whether to run from the last step to the first.
        residual: float32 `[time, batch, units]` that is added to the hidden states; None adds nothing.

    Returns:
        float32 `[ceil(time / stride), batch, units]`, zero beyond the length of a row, but for the residual.
    """
    is_lstm = isinstance(cell, tf.keras.layers.LSTMCell)
    recurrent_kernel = tf.identity(cell.recurrent_kernel)
    # A GRU cell has a second bias, which its reset gate multiplies.
    bias, recurrent_bias = (cell.bias, None) if is_lstm else tf.unstack(tf.identity(cell.bias))
    # In padding the first two gates are closed and the candidate is zero, so the state is zero.
    closed = np.repeat(np.array([-1e4, -1e4, 0.0, 0.0][: 4 if is_lstm else 3], np.float32), cell.units)
    steps, batch, _ = tf.unstack(tf.shape(inputs[0]))
    kernels = tf.split(cell.kernel, [states.shape[-1] for states in inputs])
    size = tf.maximum(PART_STEPS // tf.maximum(batch, 1), 1)
    parts = -(-steps // size)

    def lstm_step(gates, hidden, memory):
        enter, forget, candidate, leave = tf.split(gates + tf.matmul(hidden, recurrent_kernel), 4, axis=-1)
        memory = tf.sigmoid(forget) * memory + tf.sigmoid(enter) * tf.tanh(candidate)
        return tf.sigmoid(leave) * tf.tanh(memory), memory

    def gru_step(gates, hidden):
        from_input = tf.split(gates, 3, axis=-1)
        from_hidden = tf.split(tf.matmul(hidden, recurrent_kernel) + recurrent_bias, 3, axis=-1)
        update, reset = (tf.sigmoid(from_input[gate] + from_hidden[gate]) for gate in (0, 1))
        candidate = tf.tanh(from_input[2] + reset * from_hidden[2])
        return (update * hidden + (1 - update) * candidate,)

    def run_part(turn, outputs, *state):
        part = parts - 1 - turn if backward else turn
        first, last = part * size, tf.minimum((part + 1) * size, steps)
        valid = tf.range(first, last)[:, tf.newaxis] < length
        count = last - first
        rows = [tf.reshape(states[first:last], [count * batch, states.shape[-1]]) for states in inputs]
        gates = tf.add_n([tf.matmul(*factors) for factors in zip(rows, kernels)]) + bias
        gates = tf.where(valid[..., tf.newaxis], tf.reshape(gates, [count, batch, len(closed)]), closed)

        def run_step(index, states, *state):
            step = count - 1 - index if backward else index
            state = (lstm_step if is_lstm else gru_step)(gates[step], *state)
            return index + 1, states.write(step, state[0]), *state

        states = tf.TensorArray(tf.float32, count, element_shape=[None, cell.units])
        _, states, *state = tf.while_loop(lambda index, *_: index < count, run_step, (0, states, *state))
        kept = states.stack()[-first % stride :: stride]
        if residual is not None:
            kept += residual[first:last][-first % stride :: stride]
        return turn + 1, outputs.write(part, kept), *state

    outputs = tf.TensorArray(tf.float32, parts, element_shape=[None, None, cell.units], infer_shape=False)
    state = [tf.zeros([batch, cell.units])] * (2 if is_lstm else 1)
    # TensorFlow would otherwise compute the products of many parts ahead.
    _, outputs, *_ = tf.while_loop(lambda turn, *_: turn < parts, run_part, (0, outputs, *state), parallel_iterations=1)
    return outputs.concat()
