"""Spectrograms of long sounds in bounded memory."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from aac_tf.audio.spectrogram import spectrogram

# 95 s at DCASE2020's 86 frames a second.
PART_FRAMES = 8192


def long_spectrogram(waveform, spec, length, part_frames=PART_FRAMES):
    """`spectrogram` of a padded batch, computed part after part where it is long.

    Args:
      waveform: float32 [batch, samples] at `spec.sample_rate`.
      spec: A `SpectrogramSpec`, such as `DCASE2020`.
      length: Valid samples of each clip, int32 [batch].
      part_frames: Most frames of a part, of all clips together, int.

    Returns:
      float32 [batch, frames, bins]; frames beyond a clip's own are 0.
    """
    batch, samples = tf.shape(waveform)[0], tf.shape(waveform)[1]
    frames = spec.output_length(samples)

    def in_parts():
        sound = tf.where(tf.sequence_mask(length, samples), waveform, 0.0)
        if spec.peak_normalize:
            sound = tf.math.divide_no_nan(sound, tf.reduce_max(tf.abs(sound), axis=1, keepdims=True))
        # With the zeros that the whole spectrogram has around it, each part is one whose frames start at its samples.
        plain = dataclasses.replace(spec, centered=False, peak_normalize=False, segment_length=None, segment_hop=None)
        size = tf.maximum(part_frames // tf.maximum(batch, 1), 1)
        parts = -(-frames // size)
        left = spec.window_length // 2 if spec.centered else 0
        whole = (parts * size - 1) * spec.hop_length + spec.window_length
        sound = tf.pad(sound, [[0, 0], [left, tf.maximum(whole - left - samples, 0)]])
        step, width = size * spec.hop_length, (size - 1) * spec.hop_length + spec.window_length
        rows = tf.map_fn(
            lambda part: spectrogram(sound[:, part * step : part * step + width], plain),
            tf.range(parts),
            fn_output_signature=tf.TensorSpec([None, None, spec.num_bins], tf.float32),
            parallel_iterations=1,
        )
        rows = tf.reshape(tf.transpose(rows, [1, 0, 2, 3]), [batch, parts * size, spec.num_bins])[:, :frames]
        valid = tf.sequence_mask(spec.output_length(length), frames)
        return tf.where(valid[..., tf.newaxis], rows, 0.0)

    return tf.cond(batch * frames > part_frames, in_parts, lambda: spectrogram(waveform, spec, length))
