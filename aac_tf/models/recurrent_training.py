"""One direction of a recurrent layer in training on a CPU: faster than the Keras layer, with the same gradients."""

import numpy as np
import tensorflow as tf

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
    is_lstm = isinstance(cell, tf.keras.layers.LSTMCell)
    # Under a policy of mixed precision, Keras casts what a layer reads of its weights. A GRU cell has a second bias,
    # which its reset gate multiplies.
    bias, *recurrent_bias = [cell.bias] if is_lstm else tf.unstack(cell.bias)
    # In padding the first two gates are closed and the candidate is zero, so the state is zero.
    closed = np.repeat(np.array([-1e4, -1e4, 0.0, 0.0][: 4 if is_lstm else 3], np.float32), cell.units)
    # Two more features, whose rows of the kernel are the bias and the closed gates: passes over all gates cost more
    # than the product.
    rows = cell.kernel, bias[tf.newaxis], closed[np.newaxis]
    kernel = tf.concat([tf.cast(part, tf.float32) for part in rows], axis=0)
    weights = kernel, *(tf.cast(weight, tf.float32) for weight in (cell.recurrent_kernel, *recurrent_bias))
    steps = tf.shape(inputs)[0]
    loop = _Loop(_LSTM if is_lstm else _GRU, cell.units, length, backward, dtype)
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
    limit = PART_STEPS // batch if isinstance(batch, int) else PART_STEPS // tf.maximum(batch, 1)
    limit = max(limit, 1) if isinstance(limit, int) else tf.maximum(limit, 1)
    parts = -(-steps // limit)
    parts = max(parts, 1) if isinstance(parts, int) else tf.maximum(parts, 1)
    return parts, -(-steps // parts)


class _Loop:
    """Runs the equations of a cell over time, in one direction.

    Args:
        equations: `_LSTM` or `_GRU`.
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
                *values, wanted = values
                return self._equations.step_back(values, wanted, later, lambda to: self._product(to, transposed))

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


class _LSTM:
    """Equations of an LSTM, whose states are the hidden state and the memory.

    `step` takes the shares of the gates from the input and from the hidden state, and the states before. `slopes` takes
    these for all steps of a part, and the states after each; it returns the factors by which the gradient of a state is
    multiplied on its way back. `step_back` takes these factors at one step, the upstream gradient, the gradients of the
    states that come from later, and a function that multiplies with the recurrent kernel; it returns what to write, of
    `written` times the units, and the gradients of the states before. From what was written for all steps, `to_gates`
    computes the gradients of both shares of the gates.
    """

    states, written = 2, 4

    @staticmethod
    def step(from_input, from_hidden, state):
        enter, forget, candidate, leave = tf.split(from_input + from_hidden, 4, axis=-1)
        memory = tf.sigmoid(forget) * state[1] + tf.sigmoid(enter) * tf.tanh(candidate)
        return [tf.sigmoid(leave) * tf.tanh(memory), memory]

    @staticmethod
    def slopes(from_input, from_hidden, before, after):
        enter, forget, candidate, leave = tf.split(from_input + from_hidden, 4, axis=-1)
        enter, forget, leave = tf.sigmoid(enter), tf.sigmoid(forget), tf.sigmoid(leave)
        candidate, squashed = tf.tanh(candidate), tf.tanh(after[1])
        to_gates = [
            candidate * enter * (1 - enter),
            before[1] * forget * (1 - forget),
            enter * (1 - candidate * candidate),
            squashed * leave * (1 - leave),
        ]
        return [tf.concat(to_gates, axis=-1), leave * (1 - squashed * squashed), forget]

    @staticmethod
    def step_back(slopes, wanted, later, to_hidden_before):
        to_gates, to_memory, forget = slopes
        hidden = later[0] + wanted
        memory = later[1] + hidden * to_memory
        gates = to_gates * tf.concat([memory, memory, memory, hidden], axis=-1)
        return [gates], [to_hidden_before(gates), memory * forget]

    @staticmethod
    def to_gates(slopes, written):
        return written, written


class _GRU:
    """Equations of a GRU, whose state is the hidden state; see `_LSTM`."""

    states, written = 1, 1

    @staticmethod
    def _gates(from_input, from_hidden):
        from_input, from_hidden = tf.split(from_input, 3, axis=-1), tf.split(from_hidden, 3, axis=-1)
        update, reset = (tf.sigmoid(from_input[gate] + from_hidden[gate]) for gate in (0, 1))
        return update, reset, tf.tanh(from_input[2] + reset * from_hidden[2]), from_hidden[2]

    @classmethod
    def step(cls, from_input, from_hidden, state):
        update, _, candidate, _ = cls._gates(from_input, from_hidden)
        return [update * state[0] + (1 - update) * candidate]

    @classmethod
    def slopes(cls, from_input, from_hidden, before, after):
        update, reset, candidate, hidden = cls._gates(from_input, from_hidden)
        to_candidate = (1 - update) * (1 - candidate * candidate)
        to_product = [
            (before[0] - candidate) * update * (1 - update),
            to_candidate * hidden * reset * (1 - reset),
            to_candidate * reset,
        ]
        return [tf.concat(to_product, axis=-1), to_candidate, update]

    @staticmethod
    def step_back(slopes, wanted, later, to_hidden_before):
        to_product, _, update = slopes
        hidden = later[0] + wanted
        product = to_product * tf.concat([hidden] * 3, axis=-1)
        return [hidden], [hidden * update + to_hidden_before(product)]

    @staticmethod
    def to_gates(slopes, written):
        to_product, to_candidate, _ = slopes
        product = to_product * tf.concat([written] * 3, axis=-1)
        units = written.shape[-1]
        return tf.concat([product[..., : 2 * units], written * to_candidate], axis=-1), product
