"""Overlapping windows of spectrograms."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def pad_with_silence(spectrogram, length, spec):
    """Replaces the padding of spectrograms by silence and extends it to the end of the last window.

    Args:
        spectrogram: float `[batch, frames, bins]`, padded on the right with anything.
        length: int `[batch]`, valid frames of each clip.
        spec: `SpectrogramSpec` with segments.

    Returns:
        `(spectrogram, length)`: the same dtype `[batch, frames, bins]`, a silent clip if the batch is empty; int32
        `[batch]`, valid frames of each clip.
    """
    batch, frames = tf.unstack(tf.shape(spectrogram)[:2])
    length = tf.minimum(tf.cast(length, tf.int32), frames)
    silence = tf.cast(spec.silence, spectrogram.dtype)
    spectrogram = tf.where(tf.sequence_mask(length, frames)[..., tf.newaxis], spectrogram, silence)
    whole = spec.segment_length + (count_windows(frames, spec) - 1) * spec.segment_hop
    missing = tf.maximum(whole - frames, 0)
    # TensorFlow cannot stack the results of no part, so that a network needs a window even for an empty batch.
    paddings = [[0, tf.maximum(1 - batch, 0)], [0, missing], [0, 0]]
    return tf.pad(spectrogram, paddings, constant_values=silence), length


def count_windows(frames, spec):
    """Number of windows of a spectrogram, at least 1.

    Args:
        frames: int, integer array or integer tensor, number of frames.
        spec: `SpectrogramSpec` with segments.

    Returns:
        The same type and shape.

    Example:
        >>> from aac_tf.audio import YAMNET
        >>> from aac_tf.embeddings.windows import count_windows
        >>> count_windows(YAMNET.output_length(15 * YAMNET.sample_rate), YAMNET)
        31
    """
    further = (frames - spec.segment_length + spec.segment_hop - 1) // spec.segment_hop
    if tf.is_tensor(further):
        return 1 + tf.maximum(further, 0)
    return 1 + (np.maximum(further, 0) if isinstance(further, np.ndarray) else max(further, 0))


def run_in_parts(network, windows, max_size, width):
    """Runs a network on equal parts of the windows, with few distinct part sizes.

    Libraries such as oneDNN and cuDNN prepare a network's layers for every new shape and cache the result. oneDNN
    caches about a thousand layers and shapes; beyond that it prepares at every call, and memory grows.

    Args:
        network: function from windows to float32 `[windows, width]`.
        windows: tensor `[windows, ...]`, the windows or their indices.
        max_size: int, maximum number of windows in a part; None runs all at once.
        width: int, width of the network's output.

    Returns:
        float32 `[windows, width]`.
    """
    if max_size is None:
        return network(windows)
    count, sizes = tf.shape(windows)[0], tf.constant(_part_sizes(max_size))
    # The size with the least padding, for one part or for parts of at least half the maximum; the largest of equals.
    rows = (count + sizes - 1) // sizes * sizes
    rows = tf.where((sizes >= count) | (2 * sizes >= max_size), rows, rows.dtype.max)
    size = tf.reduce_max(tf.where(tf.equal(rows, tf.reduce_min(rows)), sizes, 0))
    parts = tf.maximum((count + size - 1) // size, 1)
    windows = tf.pad(windows, [[0, parts * size - count]] + [[0, 0]] * (windows.shape.rank - 1))
    rows = tf.map_fn(
        # Outside of a graph, map_fn would convert the source of the whole network with AutoGraph, which takes seconds.
        tf.autograph.experimental.do_not_convert(network),
        tf.reshape(windows, [parts, size, *windows.shape[1:]]),
        fn_output_signature=tf.TensorSpec([None, width], tf.float32),
        parallel_iterations=1,
    )
    return tf.reshape(rows, [-1, width])[:count]


def _part_sizes(max_size):
    """All sizes up to 8, then four per octave, so that at most a fifth of a part is padding."""
    sizes = [min(size, max_size) for size in range(1, 9)]
    while sizes[-1] < max_size:
        sizes.append(min(sizes[-1] + 2 ** (sizes[-1].bit_length() - 3), max_size))
    return np.unique(sizes).astype(np.int32)
