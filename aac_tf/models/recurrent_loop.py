"""`SubsampledBiRNN` for captioning on a processor: faster than Keras' recurrent layers there, in less memory."""

import numpy as np
import tensorflow as tf

from aac_tf.models.recurrent import subsampled_length

# Steps, of all rows together, whose products with the input are one.
PART_STEPS = 8192


def encode_in_loops(encoder, inputs, length):
    """What `encoder(inputs, length, training=False)` returns.

    Keras' layers take a step's input, mask and matrix products one after another. Here many steps' products with the
    input are one (not all steps', whose gates would take a gigabyte for half an hour of log-mels), padding shuts gates
    there and needs no mask, and what remains of a step is one small product and the gates. Graphics processors are
    better off with the layer itself, which cuDNN computes.

    Args:
        encoder: `SubsampledBiRNN`, built.
        inputs: float `[batch, time, features]`, padded on the right.
        length: int `[batch]`, valid steps.

    Returns:
        `encoded` float32 `[batch, steps, 2 * units]`, zero beyond its length, and `length` int32 `[batch]`.
    """
    # Time first, as the loops write it; the two directions apart, as together they would be copied.
    hidden, length = [tf.transpose(tf.cast(inputs, tf.float32), [1, 0, 2])], tf.cast(length, tf.int32)
    for index, layer in enumerate(encoder.bidirectional):
        # Of this layer's steps only those that the next one takes are kept.
        every = encoder.subsampling if index + 1 < encoder.layers else 1
        steps = tf.shape(hidden[0])[0]
        output = [
            _run(layer.forward_layer.cell, hidden, length, every, backward=False),
            _run(layer.backward_layer.cell, hidden, length, every, backward=True),
        ]
        if encoder.residual and index:
            output = [new + old[::every] for new, old in zip(output, hidden)]
        hidden = output
        if every > 1:
            kept, length = subsampled_length(steps, every), subsampled_length(length, every)
            # The remainder that was cut must not shine through the residual.
            valid = (tf.range(kept)[:, tf.newaxis] < length)[..., tf.newaxis]
            hidden = [tf.where(valid, states[:kept], 0.0) for states in hidden]
    return tf.transpose(tf.concat(hidden, axis=-1), [1, 0, 2]), length


def _run(cell, inputs, length, every, backward):
    """Each `every`-th hidden state of a Keras LSTM or GRU cell, `[time, batch, units]`, zero beyond a row's length.

    `inputs` is a list of `[time, batch, features]`, whose features together are the cell's input.
    """
    is_lstm = isinstance(cell, tf.keras.layers.LSTMCell)
    recurrent_kernel = tf.identity(cell.recurrent_kernel)
    # GRU's cell has a second bias, inside the product with its reset gate.
    bias, recurrent_bias = (cell.bias, None) if is_lstm else tf.unstack(tf.identity(cell.bias))
    # Beyond a row's length the first two gates are shut, and the candidate is zero: the state is zero there.
    shut = np.repeat(np.float32([-1e4, -1e4, 0.0, 0.0][: 4 if is_lstm else 3]), cell.units)
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
        gates = tf.where(valid[..., tf.newaxis], tf.reshape(gates, [count, batch, len(shut)]), shut)

        def run_step(index, states, *state):
            step = count - 1 - index if backward else index
            state = (lstm_step if is_lstm else gru_step)(gates[step], *state)
            return index + 1, states.write(step, state[0]), *state

        states = tf.TensorArray(tf.float32, count, element_shape=[None, cell.units])
        _, states, *state = tf.while_loop(lambda index, *_: index < count, run_step, (0, states, *state))
        return turn + 1, outputs.write(part, states.stack()[-first % every :: every]), *state

    outputs = tf.TensorArray(tf.float32, parts, element_shape=[None, None, cell.units], infer_shape=False)
    state = [tf.zeros([batch, cell.units])] * (2 if is_lstm else 1)
    # One by one: TensorFlow would prepare many parts ahead.
    _, outputs, *_ = tf.while_loop(lambda turn, *_: turn < parts, run_part, (0, outputs, *state), parallel_iterations=1)
    return outputs.concat()
