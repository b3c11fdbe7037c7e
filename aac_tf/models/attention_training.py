"""The loop over words that trains the attention decoder: faster than a Keras layer, with the same gradients."""

import tensorflow as tf

from aac_tf.models.recurrent_equations import LSTMEquations


def attention_loop(gates, encoded, keys, mask, query_kernel, score_kernel, kernel, packing, dtype=tf.float32):
    """Runs an LSTM with temporal attention over the words of captions.

    A Keras layer computes all captions up to the longest one, and the gradient of its loop keeps the attention's hidden
    layer of each word, copies the encoder's steps and adds up the gradients of the kernels word by word. Here padding
    is left out, the loop has a gradient of its own, which recomputes that hidden layer, and the gradient of a kernel is
    one product over all words.

    Args:
        gates: float32 `[positions, 4 * units]`, the share of the words, with the bias, in the gates of the LSTM.
        encoded: float32 `[clips, steps, width]`.
        keys: float32 `[clips, steps, attention units]`, the share of the encoder's steps in the hidden layer.
        mask: bool `[clips, steps]`, True for valid steps.
        query_kernel: float32 `[units, attention units]`.
        score_kernel: float32 `[attention units, 1]`.
        kernel: float32 `[width + units, 4 * units]`, kernel of the context and of the hidden state in the gates.
        packing: `Packing` of the captions, the same number for each clip.
        dtype: of the factors of the products of the LSTM; everything else is float32.

    Returns:
        float32 `[positions, units]`, the hidden states.
    """
    width, units = encoded.shape[-1], query_kernel.shape[0]
    hidden_units, steps = keys.shape[-1], tf.shape(keys)[1]
    clips = tf.shape(encoded)[0]
    counts, words = packing.counts, tf.shape(packing.counts)[0]
    clip = packing.rows // (packing.captions // clips)
    # Where the state before each position is, if the states follow the zeros of the first step.
    shift = tf.concat([[0], counts[0] + packing.offsets[:-1]], axis=0) - packing.offsets
    place_before = tf.range(tf.shape(gates)[0]) + tf.gather(shift, packing.step)

    def rows(tensor, step):
        return tensor[packing.offsets[step] : packing.offsets[step] + counts[step]]

    def product(left, right):
        return tf.cast(tf.matmul(tf.cast(left, dtype), tf.cast(right, dtype)), tf.float32)

    @tf.custom_gradient
    def run(gates, encoded, keys, query_kernel, score_kernel, kernel):
        own, own_keys, own_mask = (tf.gather(tensor, clip) for tensor in (encoded, keys, mask))
        factors = tf.cast(kernel, dtype)

        def body(step, written, hidden, memory):
            count = counts[step]
            hidden, memory = hidden[:count], memory[:count]
            query = tf.matmul(hidden, query_kernel)
            alpha = tf.nn.relu(own_keys[:count] + query[:, tf.newaxis])
            scores = tf.reshape(tf.matmul(tf.reshape(alpha, [-1, hidden_units]), score_kernel), [count, steps])
            valid = own_mask[:count]
            weights = tf.where(valid, tf.nn.softmax(tf.where(valid, scores, scores.dtype.min)), 0.0)
            context = tf.matmul(weights[:, tf.newaxis], own[:count])[:, 0]
            inputs = tf.concat([context, hidden], axis=-1)
            total = rows(gates, step) + product(inputs, factors)
            hidden, memory = LSTMEquations.step(total, 0.0, [hidden, memory])
            values = [weights, query, inputs, total, memory, hidden]
            return step + 1, [array.write(step, value) for array, value in zip(written, values)], hidden, memory

        widths = [None, hidden_units, width + units, 4 * units, units, units]
        zeros = tf.zeros([counts[0], units])
        (weights, query, inputs, totals, memory, hidden), *_ = _loop(body, words, widths, zeros, zeros)

        def gradient(upstream):
            before = tf.gather(tf.concat([zeros, memory], axis=0), place_before)
            slopes = LSTMEquations.slopes(totals, 0.0, [None, before], [None, memory])
            transposed = tf.transpose(factors)

            def body_back(turn, written, to_hidden, to_memory, to_active):
                step = words - 1 - turn
                count = counts[step]
                to_hidden, to_memory = (
                    tf.pad(state, [[0, count - tf.shape(state)[0]], [0, 0]]) for state in (to_hidden, to_memory)
                )
                (to_gates,), (to_inputs, to_memory) = LSTMEquations.step_back(
                    [rows(slope, step) for slope in slopes],
                    rows(upstream, step),
                    [to_hidden, to_memory],
                    lambda to: product(to, transposed),
                )
                to_context, to_hidden = tf.split(to_inputs, [width, units], axis=-1)
                shares = rows(weights, step)
                to_shares = tf.matmul(to_context[:, tf.newaxis], own[:count], transpose_b=True)[:, 0]
                to_scores = shares * (to_shares - tf.reduce_sum(shares * to_shares, axis=-1, keepdims=True))
                # The gradient of the hidden layer, without the kernel of the scores, which all words share.
                before_relu = own_keys[:count] + rows(query, step)[:, tf.newaxis]
                active = tf.where(before_relu > 0, to_scores[..., tf.newaxis], 0.0)
                summed = tf.reduce_sum(active, axis=1)
                to_hidden += tf.matmul(summed * score_kernel[:, 0], query_kernel, transpose_b=True)
                values = [to_gates, to_context, summed]
                written = [array.write(step, value) for array, value in zip(written, values)]
                # In place: the sum is as large as the keys.
                to_active = tf.tensor_scatter_nd_add(to_active, tf.range(count)[:, tf.newaxis], active)
                return turn + 1, written, to_hidden, to_memory, to_active

            start = tf.zeros([0, units]), tf.zeros([0, units]), tf.zeros_like(own_keys)
            (to_gates, to_context, summed), *_, to_active = _loop(
                body_back, words, [4 * units, width, hidden_units], *start
            )
            to_encoded = tf.matmul(
                _by_clip(packing, weights, clips), _by_clip(packing, to_context, clips), transpose_a=True
            )
            to_keys = tf.math.unsorted_segment_sum(to_active * score_kernel[:, 0], clip, clips)
            to_score = tf.reduce_sum(to_active * own_keys, axis=[0, 1]) + tf.reduce_sum(summed * query, axis=0)
            to_query = tf.matmul(inputs[:, width:], summed * score_kernel[:, 0], transpose_a=True)
            to_kernel = product(tf.transpose(inputs), to_gates)
            return to_gates, to_encoded, to_keys, to_query, to_score[:, tf.newaxis], to_kernel

        return hidden, gradient

    return run(gates, encoded, keys, query_kernel, score_kernel, kernel)


def _loop(body, count, widths, *states):
    """Runs `body(turn, arrays, *states)` `count` times; returns the values written to the arrays, and the states."""
    arrays = [tf.TensorArray(tf.float32, count, element_shape=[None, width], infer_shape=False) for width in widths]
    loop = (0, arrays, *states)
    invariants = tf.nest.map_structure(
        lambda value: tf.TensorShape([None, *value.shape[1:]]) if isinstance(value, tf.Tensor) else None, states
    )
    _, arrays, *states = tf.while_loop(
        lambda turn, *_: turn < count,
        body,
        loop,
        shape_invariants=(tf.TensorShape([]), [tf.TensorShape(None)] * len(arrays), *invariants),
        parallel_iterations=1,
    )
    return [array.concat() for array in arrays], *states


def _by_clip(packing, tensor, clips):
    """Unpacks `[positions, width]` to `[clips, captions * words, width]`."""
    unpacked = packing.unpack(tensor)
    return tf.reshape(unpacked, [clips, -1, tf.shape(tensor)[-1]])
