"""Recurrent layers for one clip at a time, in forms that LiteRT has an operation for or loops over fast."""

import numpy as np
import tensorflow as tf

# Number of GRU steps in one turn of the loop. Each turn copies everything that the loop carries; with one step a turn,
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


class BlockedGRU:
    """Keras `GRU` in a loop that takes `BLOCK` steps a turn.

    Args:
        layer: `tf.keras.layers.GRU`, built; its direction is ignored.

    Call arguments:
        inputs: float32 `[1, steps, width]`.

    Returns:
        float32 `[1, steps, units]`.
    """

    weights = ()

    def __init__(self, layer):
        self._cell = layer.cell

    def __call__(self, inputs):
        steps = tf.shape(inputs)[1]
        turns = (steps + BLOCK - 1) // BLOCK
        blocks = tf.pad(inputs, [[0, 0], [0, turns * BLOCK - steps], [0, 0]])
        blocks = tf.reshape(blocks, [-1, BLOCK, inputs.shape[-1]])

        def turn(index, states, hidden):
            block = []
            for step in tf.unstack(blocks[index]):
                hidden, _ = self._cell(step[tf.newaxis], [hidden])
                block.append(hidden)
            return index + 1, states.write(index, tf.concat(block, axis=0)), hidden

        states = tf.TensorArray(tf.float32, turns, element_shape=[BLOCK, self._cell.units])
        start = (0, states, tf.zeros([1, self._cell.units]))
        _, states, _ = tf.while_loop(lambda index, *_: index < turns, turn, start)
        return tf.reshape(states.stack(), [1, -1, self._cell.units])[:, :steps]


class LiteBidirectional:
    """Keras `Bidirectional` layer for one clip.

    Args:
        layer: `tf.keras.layers.Bidirectional` of LSTMs or GRUs, built.
        marks: iterator of distinct numbers, see `FusedLSTM`.

    Call arguments:
        inputs: float32 `[1, steps, width]`.

    Returns:
        float32 `[1, steps, 2 * units]`.
    """

    def __init__(self, layer, marks):
        layers = (layer.forward_layer, layer.backward_layer)
        self._forward, self._backward = (
            FusedLSTM(one, marks) if isinstance(one, tf.keras.layers.LSTM) else BlockedGRU(one) for one in layers
        )
        self.weights = [*self._forward.weights, *self._backward.weights]

    def __call__(self, inputs):
        backward = tf.reverse(self._backward(tf.reverse(inputs, [1])), [1])
        return tf.concat([self._forward(inputs), backward], axis=-1)
