"""One direction of a recurrent layer at inference on a CPU: faster than the Keras layer, and in less memory."""

import tensorflow as tf

from aac_tf.models.recurrent_equations import equations_of

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
    equations = equations_of(cell)
    recurrent_kernel = tf.identity(cell.recurrent_kernel)
    bias, *recurrent_bias = equations.biases(cell)
    closed = equations.closed_gates(cell.units)
    steps, batch, _ = tf.unstack(tf.shape(inputs[0]))
    # A loop refuses a state whose static shape is known when it begins, but not after a step.
    batch = batch if inputs[0].shape[1] is None else inputs[0].shape[1]
    kernels = tf.split(cell.kernel, [states.shape[-1] for states in inputs])
    size = tf.maximum(PART_STEPS // tf.maximum(batch, 1), 1)
    parts = -(-steps // size)

    def from_hidden(hidden):
        product = tf.matmul(hidden, recurrent_kernel)
        return product + recurrent_bias[0] if recurrent_bias else product

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
            state = equations.step(gates[step], from_hidden(state[0]), state)
            return index + 1, states.write(step, state[0]), *state

        states = tf.TensorArray(tf.float32, count, element_shape=[None, cell.units])
        _, states, *state = tf.while_loop(lambda index, *_: index < count, run_step, (0, states, *state))
        kept = states.stack()[-first % stride :: stride]
        if residual is not None:
            kept += residual[first:last][-first % stride :: stride]
        return turn + 1, outputs.write(part, kept), *state

    outputs = tf.TensorArray(tf.float32, parts, element_shape=[None, None, cell.units], infer_shape=False)
    state = [tf.zeros([batch, cell.units])] * equations.states
    # TensorFlow would otherwise compute the products of many parts ahead.
    _, outputs, *_ = tf.while_loop(lambda turn, *_: turn < parts, run_part, (0, outputs, *state), parallel_iterations=1)
    return outputs.concat()
