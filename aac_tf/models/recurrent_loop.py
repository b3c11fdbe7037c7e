"""`SubsampledBiRNN` for captioning on a processor, several times faster than Keras' recurrent layers there."""

import tensorflow as tf

from aac_tf.models.recurrent import subsampled_length


def encode_in_loops(encoder, inputs, length):
    """What `encoder(inputs, length, training=False)` returns.

    Keras' layers take a step's input, mask and matrix products one after another. Here all steps' products with the
    input are one, padding needs no mask (a row's steps are reversed within its length), and what remains of a step is
    one small product and the gates. Graphics processors are better off with the layer itself, which cuDNN computes.

    Args:
        encoder: `SubsampledBiRNN`, built.
        inputs: float `[batch, time, features]`, padded on the right.
        length: int `[batch]`, valid steps.

    Returns:
        `encoded` float32 `[batch, steps, 2 * units]`, zero beyond its length, and `length` int32 `[batch]`.
    """
    hidden, length = tf.cast(inputs, tf.float32), tf.cast(length, tf.int32)
    for index, layer in enumerate(encoder.bidirectional):
        if index and encoder.subsampling > 1:
            kept = subsampled_length(tf.shape(hidden)[1], encoder.subsampling)
            hidden = hidden[:, :: encoder.subsampling][:, :kept]
            length = subsampled_length(length, encoder.subsampling)
        forward = _run(layer.forward_layer.cell, hidden)
        backward = _run(layer.backward_layer.cell, tf.reverse_sequence(hidden, length, seq_axis=1))
        output = tf.concat([forward, tf.reverse_sequence(backward, length, seq_axis=1)], axis=-1)
        if encoder.residual and index:
            output = hidden + output
        hidden = output * tf.sequence_mask(length, tf.shape(output)[1], output.dtype)[..., tf.newaxis]
    return hidden, length


def _run(cell, inputs):
    """The hidden states `[batch, time, units]` of a Keras LSTM or GRU cell."""
    is_lstm = isinstance(cell, tf.keras.layers.LSTMCell)
    kernel, recurrent_kernel = tf.identity(cell.kernel), tf.identity(cell.recurrent_kernel)
    # GRU's cell has a second bias, inside the product with its reset gate.
    bias, recurrent_bias = (cell.bias, None) if is_lstm else tf.unstack(tf.identity(cell.bias))
    projected = tf.transpose(tf.matmul(inputs, kernel) + bias, [1, 0, 2])
    steps, zeros = tf.shape(projected)[0], tf.zeros([tf.shape(inputs)[0], cell.units])

    def lstm_step(step, states, hidden, memory):
        gates = projected[step] + tf.matmul(hidden, recurrent_kernel)
        enter, forget, candidate, leave = tf.split(gates, 4, axis=-1)
        memory = tf.sigmoid(forget) * memory + tf.sigmoid(enter) * tf.tanh(candidate)
        hidden = tf.sigmoid(leave) * tf.tanh(memory)
        return step + 1, states.write(step, hidden), hidden, memory

    def gru_step(step, states, hidden):
        from_input = tf.split(projected[step], 3, axis=-1)
        from_hidden = tf.split(tf.matmul(hidden, recurrent_kernel) + recurrent_bias, 3, axis=-1)
        update, reset = (tf.sigmoid(from_input[gate] + from_hidden[gate]) for gate in (0, 1))
        candidate = tf.tanh(from_input[2] + reset * from_hidden[2])
        hidden = update * hidden + (1 - update) * candidate
        return step + 1, states.write(step, hidden), hidden

    states = tf.TensorArray(tf.float32, steps, element_shape=[None, cell.units])
    start = (0, states, zeros, zeros) if is_lstm else (0, states, zeros)
    _, states, *_ = tf.while_loop(lambda step, *_: step < steps, lstm_step if is_lstm else gru_step, start)
    return tf.transpose(states.stack(), [1, 0, 2])
