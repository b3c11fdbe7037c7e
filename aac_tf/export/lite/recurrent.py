"""Recurrent layers in the forms that LiteRT has operations for, or loops over fast, for one clip at a time."""

import numpy as np
import tensorflow as tf

# Steps of a GRU that one turn of its loop takes. A turn copies all that the loop carries; with one step a turn, a clip
# of 30 s took nine times as long.
BLOCK = 16
# An input so large that, times the largest weight of a gate, it shuts the gate.
SHUT = 1e3


class FusedLstm:
    """A Keras `LSTM` that the converter writes as LiteRT's one operation for it, and that forgets the clip before.

    LiteRT keeps an LSTM's state from one run to the next where the length stays the same. So a step goes before the
    clip's own: it has an input that the others have not, which shuts the gates for the input and for the past.

    Args:
        layer: `tf.keras.layers.LSTM`, built; its direction does not matter.
        marks: iterator of numbers, none twice.
    """

    def __init__(self, layer, marks):
        kernel, recurrent_kernel, bias = layer.get_weights()
        shut = np.zeros([1, 4, layer.units], kernel.dtype)
        gates = np.abs(kernel).reshape([-1, 4, layer.units])
        # No larger than the other weights of its gate, as they would lose their bits when they are quantized together.
        shut[:, :2] = -gates.max(axis=(0, 2))[:2, np.newaxis]
        # Named activations may be functions of another Keras, with which the layer does not take its fast path, the
        # only one that the converter knows.
        self._layer = tf.keras.layers.LSTM(
            layer.units,
            activation=tf.keras.activations.tanh,
            recurrent_activation=tf.keras.activations.sigmoid,
            return_sequences=True,
        )
        self._layer.build(tf.TensorShape([1, None, kernel.shape[0] + 1]))
        self._layer.set_weights([np.concatenate([kernel, shut.reshape([1, -1])]), recurrent_kernel, bias])
        self.weights = self._layer.weights
        # The first step wipes any state out. But the converter takes states of the same value for one tensor, which
        # one layer would write and another, or the decoder, would read.
        self._state = [np.full([1, layer.units], next(marks), np.float32) for _ in range(2)]

    def __call__(self, inputs):
        first = np.zeros([1, 1, inputs.shape[-1] + 1], np.float32)
        first[..., -1] = SHUT
        inputs = tf.concat([first, tf.pad(inputs, [[0, 0], [0, 0], [0, 1]])], axis=1)
        return self._layer(inputs, initial_state=[tf.constant(state) for state in self._state])[:, 1:]


class BlockedGru:
    """A Keras `GRU` whose loop takes `BLOCK` steps a turn.

    Args:
        layer: `tf.keras.layers.GRU`, built; its direction does not matter.
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
    """A Keras `Bidirectional` layer for one clip: float32 `[1, steps, width]` to `[1, steps, 2 * units]`."""

    def __init__(self, layer, marks):
        layers = (layer.forward_layer, layer.backward_layer)
        self._forward, self._backward = (
            FusedLstm(one, marks) if isinstance(one, tf.keras.layers.LSTM) else BlockedGru(one) for one in layers
        )
        self.weights = [*self._forward.weights, *self._backward.weights]

    def __call__(self, inputs):
        backward = tf.reverse(self._backward(tf.reverse(inputs, [1])), [1])
        return tf.concat([self._forward(inputs), backward], axis=-1)
