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
    frames = tf.shape(spectrogram)[1]
    length = tf.minimum(tf.cast(length, tf.int32), frames)
    silence = tf.cast(spec.silence, spectrogram.dtype)
    spectrogram = tf.where(tf.sequence_mask(length, frames)[..., tf.newaxis], spectrogram, silence)
    whole = spec.segment_length + (count_windows(frames, spec) - 1) * spec.segment_hop
    missing = tf.maximum(whole - frames, 0)
    spectrogram = tf.pad(spectrogram, [[0, 0], [0, missing], [0, 0]], constant_values=silence)
    windows = tf.signal.frame(spectrogram, spec.segment_length, spec.segment_hop, axis=1)
    return windows, count_windows(length, spec)


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
