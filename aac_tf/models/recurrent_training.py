"""A bidirectional recurrent layer in training on a CPU: faster than the Keras layers, with the same gradients."""

import numpy as np
import tensorflow as tf


def bidirectional_loop(layer, inputs, length, dtype=tf.float32):
    """Runs the two cells of a bidirectional layer over time.

    A Keras layer multiplies, masks and updates one step after another, its two directions are two loops, and the
    gradient of each loop adds up the gradients of the kernels step by step. Here one loop runs both directions, the
    products with the input are computed for all steps together, the loop has a gradient of its own, and the gradient of
    a kernel is one product over all steps.

    Args:
        layer: `tf.keras.layers.Bidirectional` of `LSTM` or `GRU` layers with the default activations, built.
        inputs: float `[batch, time, features]`.
        length: int32 `[batch]`, valid steps of each row.
        dtype: of the factors of the matrix products; the gates and sums are float32.

    Returns:
        float32 `[batch, time, 2 * units]`, forward and backward hidden states, zero beyond the length of a row.
    """
    cells = layer.forward_layer.cell, layer.backward_layer.cell
    is_lstm = isinstance(cells[0], tf.keras.layers.LSTMCell)
    units = cells[0].units
    steps = tf.shape(inputs)[1]
    # A GRU cell has a second bias, which its reset gate multiplies.
    # (Under a policy of mixed precision, Keras casts what a layer reads of its weights.)
    biases = [tf.cast(cell.bias if is_lstm else cell.bias[0], tf.float32) for cell in cells]
    valid = tf.sequence_mask(length, steps)
    # In padding the first two gates are closed and the candidate is zero, so the state is zero.
    closed = np.repeat(np.array([-1e4, -1e4, 0.0, 0.0][: 4 if is_lstm else 3], np.float32), units)
    rows = tf.cast(tf.reshape(inputs, [-1, inputs.shape[-1]]), dtype)
    gates = []
    for cell, bias, backward in zip(cells, biases, (False, True)):
        projected = tf.cast(tf.matmul(rows, tf.cast(cell.kernel, dtype)), tf.float32) + bias
        projected = tf.reshape(projected, [-1, steps, len(closed)])
        projected = tf.transpose(tf.where(valid[..., tf.newaxis], projected, closed), [1, 0, 2])
        gates.append(projected[::-1] if backward else projected)
    kernels = tf.cast(tf.stack([cell.recurrent_kernel for cell in cells]), tf.float32)
    if is_lstm:
        states = _lstm(tf.stack(gates, axis=1), kernels, dtype)
    else:
        recurrent_biases = tf.cast(tf.stack([cell.bias[1:] for cell in cells]), tf.float32)
        states = _gru(tf.stack(gates, axis=1), kernels, recurrent_biases, dtype)
    states = tf.concat([states[:, 0], states[::-1, 1]], axis=-1)
    return tf.transpose(states, [1, 0, 2])


def _product(left, right, dtype, **transposed):
    return tf.cast(tf.matmul(tf.cast(left, dtype), tf.cast(right, dtype), **transposed), tf.float32)


def _loop(step, arrays, start, outputs, backward=False):
    """Runs `step(values of each array at a time, state) -> (values to write, state)`; returns the stacked outputs."""
    count = tf.shape(arrays[0])[0]

    def body(index, written, state):
        time = count - 1 - index if backward else index
        values, state = step([array[time] for array in arrays], state)
        return index + 1, [array.write(time, value) for array, value in zip(written, values)], state

    written = [tf.TensorArray(tf.float32, count, element_shape=shape) for shape in outputs]
    _, written, _ = tf.while_loop(lambda index, *_: index < count, body, (0, written, start))
    return [array.stack() for array in written]


def _before(states):
    """The states before each step."""
    return tf.pad(states[:-1], [[1, 0], [0, 0], [0, 0], [0, 0]])


def _kernel_gradient(states, gradients, kernels, dtype):
    """The gradient of the recurrent kernels `[2, units, gates]`: one product over all steps and rows."""
    factors = [
        tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [2, -1, width])
        for x, width in zip((_before(states), gradients), kernels.shape[1:])
    ]
    return _product(*factors, dtype, transpose_a=True)


def _lstm(gates, kernels, dtype):
    """Hidden states float32 `[time, 2, batch, units]` of an LSTM from the input's share of its gates."""
    units = kernels.shape[1]

    @tf.custom_gradient
    def run(gates, kernels):
        factors = tf.cast(kernels, dtype)
        zeros = tf.zeros([2, tf.shape(gates)[2], units])

        def step(values, state):
            hidden, memory = state
            enter, forget, candidate, leave = tf.split(values[0] + _product(hidden, factors, dtype), 4, axis=-1)
            enter, forget, leave = tf.sigmoid(enter), tf.sigmoid(forget), tf.sigmoid(leave)
            candidate = tf.tanh(candidate)
            memory = forget * memory + enter * candidate
            hidden = leave * tf.tanh(memory)
            return [enter, forget, candidate, leave, memory, hidden], (hidden, memory)

        shape = [2, gates.shape[2], units]
        *kept, memory, hidden = _loop(step, [gates], (zeros, zeros), [shape] * 6)

        def gradient(upstream):
            def step_back(values, state):
                enter, forget, candidate, leave, squashed, memory, wanted = values
                to_hidden, to_memory = state
                to_hidden += wanted
                to_memory += to_hidden * leave * (1 - squashed * squashed)
                to_gates = tf.concat(
                    [
                        to_memory * candidate * enter * (1 - enter),
                        to_memory * memory * forget * (1 - forget),
                        to_memory * enter * (1 - candidate * candidate),
                        to_hidden * squashed * leave * (1 - leave),
                    ],
                    axis=-1,
                )
                back = _product(to_gates, factors, dtype, transpose_b=True)
                return [to_gates], (back, to_memory * forget)

            arrays = [*kept, tf.tanh(memory), _before(memory), upstream]
            (to_gates,) = _loop(step_back, arrays, (zeros, zeros), [[*shape[:2], 4 * units]], backward=True)
            return to_gates, _kernel_gradient(hidden, to_gates, kernels, dtype)

        return hidden, gradient

    return run(gates, kernels)


def _gru(gates, kernels, biases, dtype):
    """Hidden states float32 `[time, 2, batch, units]` of a GRU from the input's share of its gates."""
    units = kernels.shape[1]

    @tf.custom_gradient
    def run(gates, kernels, biases):
        factors = tf.cast(kernels, dtype)
        zeros = tf.zeros([2, tf.shape(gates)[2], units])

        def step(values, state):
            (hidden,) = state
            from_input = tf.split(values[0], 3, axis=-1)
            from_hidden = tf.split(_product(hidden, factors, dtype) + biases, 3, axis=-1)
            update, reset = (tf.sigmoid(from_input[gate] + from_hidden[gate]) for gate in (0, 1))
            candidate = tf.tanh(from_input[2] + reset * from_hidden[2])
            hidden = update * hidden + (1 - update) * candidate
            return [update, reset, candidate, from_hidden[2], hidden], (hidden,)

        shape = [2, gates.shape[2], units]
        *kept, hidden = _loop(step, [gates], (zeros,), [shape] * 5)

        def gradient(upstream):
            def step_back(values, state):
                update, reset, candidate, from_hidden, before, wanted = values
                to_hidden = state[0] + wanted
                to_candidate = to_hidden * (1 - update) * (1 - candidate * candidate)
                to_update = to_hidden * (before - candidate) * update * (1 - update)
                to_reset = to_candidate * from_hidden * reset * (1 - reset)
                to_product = tf.concat([to_update, to_reset, to_candidate * reset], axis=-1)
                back = to_hidden * update + _product(to_product, factors, dtype, transpose_b=True)
                return [to_product, to_candidate], (back,)

            arrays = [*kept, _before(hidden), upstream]
            shapes = [[*shape[:2], 3 * units], shape]
            to_product, to_candidate = _loop(step_back, arrays, (zeros,), shapes, backward=True)
            to_gates = tf.concat([to_product[..., : 2 * units], to_candidate], axis=-1)
            to_biases = tf.reduce_sum(to_product, axis=[0, 2])[:, tf.newaxis]
            return to_gates, _kernel_gradient(hidden, to_product, kernels, dtype), to_biases

        return hidden, gradient

    return run(gates, kernels, biases)
