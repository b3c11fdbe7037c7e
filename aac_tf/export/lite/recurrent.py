"""Recurrent layers for one clip at a time, in forms for which LiteRT has an operation or a fast loop."""

import numpy as np
import tensorflow as tf

# Number of steps in one turn of the loop. Each turn copies everything that the loop carries; with one step a turn,
# a clip of 30 s took nine times as long.
BLOCK = 16
# An input so large that, times the largest weight of a gate, it closes the gate.
CLOSED = 1e3


class FusedLSTM:
    """Keras `LSTM` that the converter turns into LiteRT's fused operation, and that starts each clip from a zero state.

    LiteRT keeps the state of a fused LSTM from one run to the next if the length stays the same. Therefore a step is
    prepended to the clip. An additional input, which is nonzero in this step only, closes the gates for its input and
    for the past, and thus clears the state.

    Args:
        layer: `tf.keras.layers.LSTM`, built; its direction is ignored.
        marks: iterator of distinct numbers.

    Call arguments:
        inputs: float32 `[1, steps, width]`.

    Returns:
        float32 `[1, steps, units]`.
    """

    def __init__(self, layer, marks):
        kernel, recurrent_kernel, bias = layer.get_weights()
        closing = np.zeros([1, 4, layer.units], kernel.dtype)
        gates = np.abs(kernel).reshape([-1, 4, layer.units])
        # No larger than the other weights of the gate: they are quantized together and would lose precision.
        closing[:, :2] = -gates.max(axis=(0, 2))[:2, np.newaxis]
        # Activations given by name may be functions of another Keras, with which the layer does not take its fast path,
        # the only one that the converter recognizes.
        self._layer = tf.keras.layers.LSTM(
            layer.units,
            activation=tf.keras.activations.tanh,
            recurrent_activation=tf.keras.activations.sigmoid,
            return_sequences=True,
        )
        self._layer.build(tf.TensorShape([1, None, kernel.shape[0] + 1]))
        self._layer.set_weights([np.concatenate([kernel, closing.reshape([1, -1])]), recurrent_kernel, bias])
        self.weights = self._layer.weights
        # The first step clears any state, so its value is free. It must differ from every other state: the converter
        # merges states of equal value into one tensor, which one layer would write and another, or the decoder, read.
        self._state = [np.full([1, layer.units], next(marks), np.float32) for _ in range(2)]

    def __call__(self, inputs):
        first = np.zeros([1, 1, inputs.shape[-1] + 1], np.float32)
        first[..., -1] = CLOSED
        inputs = tf.concat([first, tf.pad(inputs, [[0, 0], [0, 0], [0, 1]])], axis=1)
        return self._layer(inputs, initial_state=[tf.constant(state) for state in self._state])[:, 1:]


class BlockedRNN:
    """Keras `LSTM` or `GRU` in a loop that takes `BLOCK` steps a turn.

    Args:
        layer: `tf.keras.layers.LSTM` or `GRU`, built; its direction is ignored.

    Call arguments:
        inputs: float32 `[1, steps, width]`.
        valid: float32 `[1, steps, 1]`, 1 for steps of the clip and 0 for padding, which clears the state; None if all
            are valid.

    Returns:
        float32 `[1, steps, units]`, zero in the padding.
    """

    weights = ()

    def __init__(self, layer):
        self._cell = layer.cell

    def __call__(self, inputs, valid=None):
        steps = inputs.shape[1] or tf.shape(inputs)[1]
        turns = (steps + BLOCK - 1) // BLOCK
        blocks = _blocks(inputs, turns, steps)
        kept = None if valid is None else _blocks(valid, turns, steps)

        def turn(index, states, *carried):
            state, block = list(carried), []
            # Not a factor of the state: the converter would multiply the kernel by it, at every step.
            marks = [None] * BLOCK if kept is None else tf.unstack(kept[index])
            for step, mark in zip(tf.unstack(blocks[index]), marks):
                _, state = self._cell(step[tf.newaxis], state)
                state = [part if mark is None else tf.where(mark > 0, part, 0.0) for part in tf.nest.flatten(state)]
                block.append(state[0])
            return index + 1, states.write(index, tf.concat(block, axis=0)), *state

        states = tf.TensorArray(tf.float32, turns, element_shape=[BLOCK, self._cell.units])
        zeros = [tf.zeros([1, size]) for size in tf.nest.flatten(self._cell.state_size)]
        _, states, *_ = tf.while_loop(lambda index, *_: index < turns, turn, (0, states, *zeros))
        return tf.reshape(states.stack(), [1, -1, self._cell.units])[:, :steps]


def _blocks(rows, turns, steps):
    """`[1, steps, width]` as `[turns, BLOCK, width]`, padded with zeros."""
    padded = tf.pad(rows, [[0, 0], [0, turns * BLOCK - steps], [0, 0]])
    return tf.reshape(padded, [-1, BLOCK, rows.shape[-1]])


class LiteBidirectional:
    """Keras `Bidirectional` layer for one clip.

    Args:
        layer: `tf.keras.layers.Bidirectional` of LSTMs or GRUs, built.
        marks: iterator of distinct numbers, see `FusedLSTM`.
        fused: bool, whether LSTMs become LiteRT's fused operation, which is faster. LiteRT.js cannot load it, as its
            state is a variable, and it takes no `valid`.

    Call arguments:
        inputs: float32 `[1, steps, width]`.
        valid: as for `BlockedRNN`.

    Returns:
        float32 `[1, steps, 2 * units]`.
    """

    def __init__(self, layer, marks, fused=True):
        self._forward, self._backward = (
            FusedLSTM(one, marks) if fused and isinstance(one, tf.keras.layers.LSTM) else BlockedRNN(one)
            for one in (layer.forward_layer, layer.backward_layer)
        )
        self.weights = [*self._forward.weights, *self._backward.weights]

    def __call__(self, inputs, valid=None):
        marks = [] if valid is None else [valid]
        backward = self._backward(*(tf.reverse(rows, [1]) for rows in (inputs, *marks)))
        return tf.concat([self._forward(inputs, *marks), tf.reverse(backward, [1])], axis=-1)
