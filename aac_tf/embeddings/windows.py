"""Spectrogram to overlapping windows, the segments that a frozen network hears one by one."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def segment_windows(spectrogram, length, spec):
    """Cuts spectrograms into windows of `spec.segment_length` frames, one every `spec.segment_hop`.

    A clip's last window reaches beyond its frames where these do not fill it; what lies there is silence.

    Args:
        spectrogram: float [batch, frames, bins], padded on the right with anything.
        length: int [batch], valid frames of each clip.
        spec: `SpectrogramSpec` with segments, such as `YAMNET`.

    Returns:
        (windows of the same dtype [batch, segments, segment_length, bins], segments of each clip, int32 [batch]).
        Windows beyond those of a clip hold silence.
    """
    whole, length = _with_silence(spectrogram, length, spec)
    windows = tf.signal.frame(whole, spec.segment_length, spec.segment_hop, axis=1)
    return windows, count_windows(length, spec)


def _with_silence(spectrogram, length, spec):
    """Spectrograms with silence behind each clip, as long as all windows of the longest; valid frames of each clip."""
    frames = tf.shape(spectrogram)[1]
    length = tf.minimum(tf.cast(length, tf.int32), frames)
    silence = tf.cast(spec.silence, spectrogram.dtype)
    spectrogram = tf.where(tf.sequence_mask(length, frames)[..., tf.newaxis], spectrogram, silence)
    whole = spec.segment_length + (count_windows(frames, spec) - 1) * spec.segment_hop
    missing = tf.maximum(whole - frames, 0)
    return tf.pad(spectrogram, [[0, 0], [0, missing], [0, 0]], constant_values=silence), length


def count_windows(frames, spec):
    """Number of windows that so many frames give, never less than one.

    Args:
        frames: an int, an integer array or an integer tensor.
        spec: `SpectrogramSpec` with segments.

    Returns:
        The same type and shape.
    """
    further = (frames - spec.segment_length + spec.segment_hop - 1) // spec.segment_hop
    if tf.is_tensor(further):
        return 1 + tf.maximum(further, 0)
    return 1 + (np.maximum(further, 0) if isinstance(further, np.ndarray) else max(further, 0))


def run_in_parts(network, windows, most, width):
    """Runs a network on equal parts of the windows, of few different sizes.

    Libraries such as oneDNN and cuDNN prepare a network's layers for every shape that they meet, and keep that: oneDNN
    for about a thousand layers and shapes, beyond which it is prepared anew at every call, and memory creeps.

    Args:
        network: function from windows to float32 [windows, width].
        windows: tensor [windows, ...], or their numbers.
        most: int, most windows of a part; None: all at once.
        width: int, of what the network returns.

    Returns:
        float32 [windows, width].
    """
    if most is None:
        return network(windows)
    count, sizes = tf.shape(windows)[0], tf.constant(_part_sizes(most))
    # The least padding, by one part or by parts of at least half the size; of equals the fewest parts.
    rows = (count + sizes - 1) // sizes * sizes
    rows = tf.where((sizes >= count) | (2 * sizes >= most), rows, rows.dtype.max)
    size = tf.reduce_max(tf.where(tf.equal(rows, tf.reduce_min(rows)), sizes, 0))
    parts = tf.maximum((count + size - 1) // size, 1)
    windows = tf.pad(windows, [[0, parts * size - count]] + [[0, 0]] * (windows.shape.rank - 1))
    rows = tf.map_fn(
        network,
        tf.reshape(windows, [parts, size, *windows.shape[1:]]),
        fn_output_signature=tf.TensorSpec([None, width], tf.float32),
        parallel_iterations=1,
    )
    return tf.reshape(rows, [-1, width])[:count]


def _part_sizes(most):
    """Sizes up to `most`: all to 8, then four an octave, so that at most a fifth of one part is padding."""
    sizes = [min(size, most) for size in range(1, 9)]
    while sizes[-1] < most:
        sizes.append(min(sizes[-1] + 2 ** (sizes[-1].bit_length() - 3), most))
    return np.unique(sizes).astype(np.int32)


def embed_segments(network, spectrogram, length, spec, most, width):
    """Embeds the windows of spectrograms with a network, without gradients.

    Args:
        network: function from windows float32 [windows, segment_length, bins] to float32 [windows, width].
        spectrogram: float [batch, frames, bins], padded on the right with anything.
        length: int [batch], valid frames of each clip; None if all are valid.
        spec: `SpectrogramSpec` with segments.
        most: int, most windows that go through the network at once; None: all.
        width: int, of what the network returns.

    Returns:
        (float32 [batch, segments, width], zero beyond its length; segments of each clip, int32 [batch]).
    """
    spectrogram = tf.ensure_shape(tf.cast(spectrogram, tf.float32), [None, None, spec.num_bins])
    if length is None:
        length = tf.fill([tf.shape(spectrogram)[0]], tf.shape(spectrogram)[1])
    segments = count_windows(tf.shape(spectrogram)[1], spec)
    whole, length = _with_silence(spectrogram, length, spec)
    batch, frames = tf.shape(whole)[0], tf.shape(whole)[1]
    length = count_windows(length, spec)
    whole = tf.reshape(whole, [-1, spec.num_bins])

    def run(numbers):
        # Windows of the whole batch, twice its spectrograms, are never there at once.
        first = numbers // segments * frames + numbers % segments * spec.segment_hop
        return network(tf.gather(whole, first[:, tf.newaxis] + tf.range(spec.segment_length)))

    rows = run_in_parts(run, tf.range(batch * segments), most, width)
    valid = tf.sequence_mask(length, segments)[..., tf.newaxis]
    return tf.stop_gradient(tf.where(valid, tf.reshape(rows, [batch, segments, width]), 0.0)), length
