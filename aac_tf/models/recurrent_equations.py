"""The equations of LSTM and GRU cells, and of their gradients, for loops over time."""

import numpy as np
import tensorflow as tf


def equations_of(cell):
    """Returns the equations of a cell, `LSTMEquations` or `GRUEquations`.

    Args:
        cell: `tf.keras.layers.LSTMCell` or `GRUCell` with the default activations.
    """
    return LSTMEquations if isinstance(cell, tf.keras.layers.LSTMCell) else GRUEquations


class LSTMEquations:
    """Equations of an LSTM, whose states are the hidden state and the memory.

    `step` takes the shares of the gates from the input and from the hidden state, and the states before; it returns the
    states after. The gradient goes back in three steps: `slopes` takes the shares for all steps of a part, and the
    states before and after each; it returns the factors by which the gradient of a state is multiplied on its way back.
    `step_back` takes these factors at one step, the upstream gradient, the gradients of the states that come from
    later, and a function that multiplies with the recurrent kernel; it returns what to write, of `written` times the
    units, and the gradients of the states before. From what was written for all steps, `to_gates` computes the
    gradients of both shares of the gates.

    Attributes:
        states: int, number of states; the first one is the hidden state.
        written: int, width of what `step_back` writes, in units.
    """

    states, written = 2, 4

    @staticmethod
    def biases(cell):
        """The bias of the gates, and for a GRU that of the share from the hidden state, which its reset gate scales."""
        return [cell.bias]

    @staticmethod
    def closed_gates(units):
        """Gates from the input, float32 `[4 * units]`, after which all states are zero, as in padding."""
        return np.repeat(np.array([-1e4, -1e4, 0, 0], np.float32), units)

    @staticmethod
    def step(from_input, from_hidden, state):
        input_gate, forget_gate, candidate, output_gate = tf.split(from_input + from_hidden, 4, axis=-1)
        memory = tf.sigmoid(forget_gate) * state[1] + tf.sigmoid(input_gate) * tf.tanh(candidate)
        return [tf.sigmoid(output_gate) * tf.tanh(memory), memory]

    @staticmethod
    def slopes(from_input, from_hidden, before, after):
        input_gate, forget_gate, candidate, output_gate = tf.split(from_input + from_hidden, 4, axis=-1)
        input_gate, forget_gate, output_gate = (tf.sigmoid(gate) for gate in (input_gate, forget_gate, output_gate))
        candidate, squashed = tf.tanh(candidate), tf.tanh(after[1])
        to_gates = [
            candidate * input_gate * (1 - input_gate),
            before[1] * forget_gate * (1 - forget_gate),
            input_gate * (1 - candidate * candidate),
            squashed * output_gate * (1 - output_gate),
        ]
        return [tf.concat(to_gates, axis=-1), output_gate * (1 - squashed * squashed), forget_gate]

    @staticmethod
    def step_back(slopes, upstream, later, to_hidden_before):
        to_gates, to_memory, forget_gate = slopes
        hidden = later[0] + upstream
        memory = later[1] + hidden * to_memory
        gates = to_gates * tf.concat([memory, memory, memory, hidden], axis=-1)
        return [gates], [to_hidden_before(gates), memory * forget_gate]

    @staticmethod
    def to_gates(slopes, written):
        return written, written


class GRUEquations:
    """Equations of a GRU, whose state is the hidden state; see `LSTMEquations`."""

    states, written = 1, 1

    @staticmethod
    def biases(cell):
        return tf.unstack(cell.bias)

    @staticmethod
    def closed_gates(units):
        return np.repeat(np.array([-1e4, -1e4, 0], np.float32), units)

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
    def step_back(slopes, upstream, later, to_hidden_before):
        to_product, _, update = slopes
        hidden = later[0] + upstream
        product = to_product * tf.concat([hidden] * 3, axis=-1)
        return [hidden], [hidden * update + to_hidden_before(product)]

    @staticmethod
    def to_gates(slopes, written):
        to_product, to_candidate, _ = slopes
        product = to_product * tf.concat([written] * 3, axis=-1)
        units = written.shape[-1]
        return tf.concat([product[..., : 2 * units], written * to_candidate], axis=-1), product
