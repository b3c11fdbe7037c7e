"""One direction of a recurrent layer in training on a CPU: faster than the Keras layer, with the same gradients."""

import numpy as np
import tensorflow as tf

from aac_tf.models.recurrent_equations import equations_of

# Number of steps, over all rows of a batch, whose gates are in memory together.
PART_STEPS = 8192


def training_loop(cell, inputs, length, backward=False, dtype=tf.float32):
    """Runs an LSTM or GRU cell over time.

    A Keras layer multiplies, masks and updates one step after another, and the gradient of its loop adds up the
    gradients of the kernels step by step. Here the products with the input are computed for many steps together,
    padding needs no mask since its gates are closed, and the loop has a gradient of its own.

    Only the states are kept for the gradient. It computes the gates again, part by part: all states are known by then,
    so that is one product for all steps of a part. The gradient of a kernel is one product for each part, too.

    Args:
        cell: `tf.keras.layers.LSTMCell` or `GRUCell` with the default activations, built.
        inputs: float `[time, batch, features]`; `pad_to_parts` saves a copy for each direction.
        length: int32 `[batch]`, valid steps of each row.
        backward: bool, whether to run from the last step to the first.
        dtype: of the factors of the matrix products; the gates and sums are float32.

    Returns:
        float32 `[time, batch, units]`, zero beyond the length of a row.

    Reference:
        T. Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016, https://arxiv.org/abs/1604.06174
    """
    equations = equations_of(cell)
    # Under a policy of mixed precision, Keras casts what a layer reads of its weights.
    bias, *recurrent_bias = equations.biases(cell)
    # The bias and the closed gates are two more rows of the kernel, for which the inputs get two more features: a pass
    # over all gates would cost more than the larger product.
    rows = cell.kernel, bias[tf.newaxis], equations.closed_gates(cell.units)[np.newaxis]
    kernel = tf.concat([tf.cast(part, tf.float32) for part in rows], axis=0)
    weights = kernel, *(tf.cast(weight, tf.float32) for weight in (cell.recurrent_kernel, *recurrent_bias))
    steps = tf.shape(inputs)[0]
    loop = _Loop(equations, cell.units, length, backward, dtype)
    return loop.states(pad_to_parts(inputs), *weights)[:steps]


def pad_to_parts(inputs):
    """Pads inputs `[time, batch, features]` with a few steps, so that parts of equal size add up to their time."""
    parts, size = _parts(inputs)
    return tf.pad(inputs, [[0, parts * size - _shape(inputs)[0]], [0, 0], [0, 0]])


def _shape(tensor):
    """The shape as a list, of ints where they are known: XLA needs loops and slices of known size."""
    return [
        dynamic if static is None else static for static, dynamic in zip(tensor.shape, tf.unstack(tf.shape(tensor)))
    ]


def _parts(inputs):
    """Number of parts and their steps."""
    steps, batch, _ = _shape(inputs)
    parts = _at_least_1(-(-steps // _at_least_1(PART_STEPS // _at_least_1(batch))))
    return parts, -(-steps // parts)


def _at_least_1(number):
    return max(number, 1) if isinstance(number, int) else tf.maximum(number, 1)


class _Loop:
    """Runs the equations of a cell over time, in one direction.

    Args:
        equations: result of `equations_of`.
        units: int.
        length: int32 `[batch]`.
        backward: bool.
        dtype: as for `training_loop`.
    """

    def __init__(self, equations, units, length, backward, dtype):
        self._equations = equations
        self._units = units
        self._length = length
        self._backward = backward
        self._dtype = dtype

    def states(self, inputs, *weights):
        """Hidden states float32 `[time, batch, units]`; `weights` are those of input, state and, of a GRU, its bias."""

        @tf.custom_gradient
        def run(inputs, *weights):
            states = self._forward(inputs, *weights)
            return states[0], lambda upstream: self._gradient(upstream, states, inputs, *weights)

        return run(inputs, *weights)

    def _forward(self, inputs, kernel, recurrent_kernel, *bias):
        """All states of the cell, list of float32 `[time, batch, units]`; the first ones are the hidden states."""
        factors = tf.cast(recurrent_kernel, self._dtype)

        def run_part(part, start):
            _, gates = self._from_input(inputs, kernel, part)

            def step(values, state):
                state = self._equations.step(values[0], self._from_hidden(state[0], factors, bias), state)
                return state, state

            return _scan(step, [gates], start, self._widths, self._backward)

        written, _ = _over_parts(run_part, _parts(inputs)[0], self._zeros(inputs), len(self._widths), self._backward)
        return written

    def _gradient(self, upstream, states, inputs, kernel, recurrent_kernel, *bias):
        """Gradients of the inputs and weights."""
        factors = tf.cast(recurrent_kernel, self._dtype)
        transposed, features = tf.transpose(factors), inputs.shape[-1]
        _, size = _parts(inputs)

        def run_part(part, start):
            later, sums = start
            rows, gates = self._from_input(inputs, kernel, part)
            after = [_slice(array, part, size) for array in states]
            before = [self._before(array, here, part, size) for array, here in zip(states, after)]
            recurrent = self._from_hidden(tf.reshape(before[0], [-1, self._units]), factors, bias)
            slopes = self._equations.slopes(gates, tf.reshape(recurrent, tf.shape(gates)), before, after)

            def step_back(values, later):
                *slopes, upstream = values
                return self._equations.step_back(slopes, upstream, later, lambda to: self._product(to, transposed))

            arrays, widths = [*slopes, _slice(upstream, part, size)], [self._equations.written * self._units]
            (written,), later = _scan(step_back, arrays, later, widths, not self._backward)
            to_input, to_hidden = (
                tf.reshape(gradient, [-1, kernel.shape[1]]) for gradient in self._equations.to_gates(slopes, written)
            )
            added = [
                self._product(rows, to_input, transpose_a=True),
                self._product(tf.reshape(before[0], [-1, self._units]), to_hidden, transpose_a=True),
                *(tf.reduce_sum(to_hidden, axis=0) for _ in bias),
            ]
            present = tf.cast(rows[:, features : features + 1], tf.float32)
            to_rows = present * self._product(to_input, kernel[:features], transpose_b=True)
            sums = [total + more for total, more in zip(sums, added)]
            to_rows = tf.reshape(to_rows, [size, _shape(inputs)[1], features])
            return [tf.cast(to_rows, inputs.dtype)], (later, sums)

        start = self._zeros(inputs), [tf.zeros_like(weight) for weight in (kernel, recurrent_kernel, *bias)]
        (to_inputs,), (_, sums) = _over_parts(run_part, _parts(inputs)[0], start, 1, not self._backward, inputs.dtype)
        return to_inputs, *sums

    @property
    def _widths(self):
        return [self._units] * self._equations.states

    def _zeros(self, inputs):
        return [tf.zeros([_shape(inputs)[1], width]) for width in self._widths]

    def _product(self, left, right, **transposed):
        return tf.cast(tf.matmul(tf.cast(left, self._dtype), tf.cast(right, self._dtype), **transposed), tf.float32)

    def _from_input(self, inputs, kernel, part):
        """The inputs of a part, with two more features, as rows; and their share of the gates."""
        _, size = _parts(inputs)
        _, batch, features = _shape(inputs)
        time = part * size + tf.range(size)
        present = tf.cast(time[:, tf.newaxis] < self._length, self._dtype)[..., tf.newaxis]
        values = tf.cast(_slice(inputs, part, size), self._dtype)
        values = tf.concat([tf.where(present > 0, values, 0), present, 1 - present], axis=-1)
        rows = tf.reshape(values, [-1, features + 2])
        return rows, tf.reshape(self._product(rows, kernel), [size, batch, kernel.shape[1]])

    def _from_hidden(self, hidden, factors, bias):
        product = self._product(hidden, factors)
        return product + bias[0] if bias else product

    def _before(self, states, here, part, size):
        """The states before each step of a part; `here` are those of the part."""
        last = _shape(states)[0] - 1
        edge = (part + 1) * size if self._backward else part * size - 1
        outside = tf.logical_or(edge < 0, edge > last)
        state = tf.where(outside, 0.0, states[tf.clip_by_value(edge, 0, last)])[tf.newaxis]
        return tf.concat([here[1:], state] if self._backward else [state, here[:-1]], axis=0)


def _slice(array, part, size):
    """A part of `[time, ...]`."""
    return tf.slice(array, [part * size, 0, 0], [size, -1, -1])


def _scan(step, arrays, state, widths, backward):
    """Runs `step(values of each array at a time, state) -> (values to write, state)`.

    Returns:
        the stacked values, and the last state.
    """
    count, rows = _shape(arrays[0])[0], arrays[0].shape[1]

    def body(index, written, state):
        time = count - 1 - index if backward else index
        values, state = step([array[time] for array in arrays], state)
        return index + 1, [array.write(time, value) for array, value in zip(written, values)], state

    written = [tf.TensorArray(tf.float32, count, element_shape=[rows, width]) for width in widths]
    _, written, state = tf.while_loop(lambda index, *_: index < count, body, (0, written, state))
    return [array.stack() for array in written], state


def _over_parts(run, parts, state, arrays, backward, dtype=tf.float32):
    """Runs `run(part, state) -> (list of values [size, batch, width], state)` for one part after another.

    Returns:
        the values of all parts, list of `[parts * size, batch, width]`, and the last state.
    """

    def body(turn, written, state):
        part = parts - 1 - turn if backward else turn
        values, state = run(part, state)
        return turn + 1, [array.write(part, value) for array, value in zip(written, values)], state

    written = [tf.TensorArray(dtype, parts) for _ in range(arrays)]
    # TensorFlow would otherwise compute the products of many parts ahead.
    _, written, state = tf.while_loop(lambda turn, *_: turn < parts, body, (0, written, state), parallel_iterations=1)
    return [_joined(array.stack()) for array in written], state


def _joined(stacked):
    parts, size, batch, width = _shape(stacked)
    return tf.reshape(stacked, [parts * size, batch, width])
