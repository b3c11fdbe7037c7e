"""One direction of a recurrent layer in training on a CPU: faster than the Keras layer, with the same gradients."""

import numpy as np
import tensorflow as tf


def training_loop(cell, inputs, length, backward=False, dtype=tf.float32):
    """Runs an LSTM or GRU cell over time.

    A Keras layer multiplies, masks and updates one step after another, and the gradient of its loop adds up the
    gradients of the kernels step by step. Here the products with the input are computed for all steps together, padding
    needs no mask since its gates are closed, the loop has a gradient of its own, and the gradient of a kernel is one
    product over all steps.

    Args:
        cell: `tf.keras.layers.LSTMCell` or `GRUCell` with the default activations, built.
        inputs: float `[time, batch, features]`.
        length: int32 `[batch]`, valid steps of each row.
        backward: bool, whether to run from the last step to the first.
        dtype: of the factors of the matrix products; the gates and sums are float32.

    Returns:
        float32 `[time, batch, units]`, zero beyond the length of a row.
    """
    is_lstm = isinstance(cell, tf.keras.layers.LSTMCell)
    # Under a policy of mixed precision, Keras casts what a layer reads of its weights. A GRU cell has a second bias,
    # which its reset gate multiplies.
    bias, *recurrent_bias = [cell.bias] if is_lstm else tf.unstack(cell.bias)
    # In padding the first two gates are closed and the candidate is zero, so the state is zero.
    closed = np.repeat(np.array([-1e4, -1e4, 0.0, 0.0][: 4 if is_lstm else 3], np.float32), cell.units)
    steps, batch, features = tf.shape(inputs)[0], tf.shape(inputs)[1], inputs.shape[-1]
    valid = (tf.range(steps)[:, tf.newaxis] < length)[..., tf.newaxis]
    # Two more features, whose rows of the kernel are the bias and the closed gates: passes over all gates cost more
    # than the product.
    present = tf.cast(valid, dtype)
    inputs = tf.concat([tf.where(valid, tf.cast(inputs, dtype), 0), present, 1 - present], axis=-1)
    kernel = tf.concat([tf.cast(part, dtype) for part in (cell.kernel, bias[tf.newaxis], closed[np.newaxis])], axis=0)
    if backward:
        inputs = inputs[::-1]
    gates = _product(tf.reshape(inputs, [-1, features + 2]), kernel, dtype)
    gates = tf.reshape(gates, [steps, batch, len(closed)])
    recurrent_kernel = tf.cast(cell.recurrent_kernel, tf.float32)
    if is_lstm:
        states = _lstm(gates, recurrent_kernel, dtype)
    else:
        states = _gru(gates, recurrent_kernel, tf.cast(recurrent_bias[0], tf.float32), dtype)
    return states[::-1] if backward else states


def _product(left, right, dtype, **transposed):
    return tf.cast(tf.matmul(tf.cast(left, dtype), tf.cast(right, dtype), **transposed), tf.float32)


def _loop(step, arrays, start, widths, backward=False):
    """Runs `step(values of each array at a time, state) -> (values to write, state)`; returns the stacked values."""
    count, rows = tf.shape(arrays[0])[0], arrays[0].shape[1]

    def body(index, written, state):
        time = count - 1 - index if backward else index
        values, state = step([array[time] for array in arrays], state)
        return index + 1, [array.write(time, value) for array, value in zip(written, values)], state

    written = [tf.TensorArray(tf.float32, count, element_shape=[rows, width]) for width in widths]
    _, written, _ = tf.while_loop(lambda index, *_: index < count, body, (0, written, start))
    return [array.stack() for array in written]


def _before(states):
    """The states before each step."""
    return tf.pad(states[:-1], [[1, 0], [0, 0], [0, 0]])


def _kernel_gradient(states, gradients, kernel, dtype):
    """The gradient of the recurrent kernel `[units, gates]`: one product over all steps and rows."""
    before = tf.reshape(_before(states), [-1, kernel.shape[0]])
    return _product(before, tf.reshape(gradients, [-1, kernel.shape[1]]), dtype, transpose_a=True)


def _lstm(gates, kernel, dtype):
    """Hidden states float32 `[time, batch, units]` of an LSTM from the input's share of its gates."""
    units = kernel.shape[0]

    @tf.custom_gradient
    def run(gates, kernel):
        factors = tf.cast(kernel, dtype)
        zeros = tf.zeros([tf.shape(gates)[1], units])

        def step(values, state):
            hidden, memory = state
            enter, forget, candidate, leave = tf.split(values[0] + _product(hidden, factors, dtype), 4, axis=-1)
            enter, forget, leave = tf.sigmoid(enter), tf.sigmoid(forget), tf.sigmoid(leave)
            candidate = tf.tanh(candidate)
            memory = forget * memory + enter * candidate
            hidden = leave * tf.tanh(memory)
            return [enter, forget, candidate, leave, memory, hidden], (hidden, memory)

        *kept, memory, hidden = _loop(step, [gates], (zeros, zeros), [units] * 6)

        def gradient(upstream):
            transposed = tf.transpose(factors)

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
                return [to_gates], (_product(to_gates, transposed, dtype), to_memory * forget)

            arrays = [*kept, tf.tanh(memory), _before(memory), upstream]
            (to_gates,) = _loop(step_back, arrays, (zeros, zeros), [4 * units], backward=True)
            return to_gates, _kernel_gradient(hidden, to_gates, kernel, dtype)

        return hidden, gradient

    return run(gates, kernel)


def _gru(gates, kernel, bias, dtype):
    """Hidden states float32 `[time, batch, units]` of a GRU from the input's share of its gates."""
    units = kernel.shape[0]

    @tf.custom_gradient
    def run(gates, kernel, bias):
        factors = tf.cast(kernel, dtype)
        zeros = tf.zeros([tf.shape(gates)[1], units])

        def step(values, state):
            (hidden,) = state
            from_input = tf.split(values[0], 3, axis=-1)
            from_hidden = tf.split(_product(hidden, factors, dtype) + bias, 3, axis=-1)
            update, reset = (tf.sigmoid(from_input[gate] + from_hidden[gate]) for gate in (0, 1))
            candidate = tf.tanh(from_input[2] + reset * from_hidden[2])
            hidden = update * hidden + (1 - update) * candidate
            return [update, reset, candidate, from_hidden[2], hidden], (hidden,)

        *kept, hidden = _loop(step, [gates], (zeros,), [units] * 5)

        def gradient(upstream):
            transposed = tf.transpose(factors)

            def step_back(values, state):
                update, reset, candidate, from_hidden, before, wanted = values
                to_hidden = state[0] + wanted
                to_candidate = to_hidden * (1 - update) * (1 - candidate * candidate)
                to_update = to_hidden * (before - candidate) * update * (1 - update)
                to_reset = to_candidate * from_hidden * reset * (1 - reset)
                to_product = tf.concat([to_update, to_reset, to_candidate * reset], axis=-1)
                back = to_hidden * update + _product(to_product, transposed, dtype)
                return [to_product, to_candidate], (back,)

            arrays = [*kept, _before(hidden), upstream]
            to_product, to_candidate = _loop(step_back, arrays, (zeros,), [3 * units, units], backward=True)
            to_gates = tf.concat([to_product[..., : 2 * units], to_candidate], axis=-1)
            to_bias = tf.reduce_sum(to_product, axis=[0, 1])
            return to_gates, _kernel_gradient(hidden, to_product, kernel, dtype), to_bias

        return hidden, gradient

    return run(gates, kernel, bias)
