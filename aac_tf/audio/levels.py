"""Levels of waveforms, which have full scale at 1: far louder ones are scaled down, absurd ones refused."""

from __future__ import annotations

import logging

import numpy as np
import tensorflow as tf

logger = logging.getLogger(__name__)

# Decoded MP3s and mixes exceed full scale by a few dB. What exceeds it by 20 dB has another scale.
LOUD = 10.0
# Beyond this the scale cannot be guessed, and squares may overflow.
LIMIT = 1e4
BEYOND = f"samples beyond ±{LIMIT:g}: full scale is 1"


def peak(waveform):
    """The largest magnitude of a waveform of any shape, a float; NaN if a sample is NaN, 0 without samples."""
    return max(float(waveform.max(initial=0.0)), -float(waveform.min(initial=0.0)))


def scale_down(waveform, name="waveform"):
    """Scales a waveform to a peak of 1, with a warning, if it is far above full scale.

    Args:
        waveform: float numpy array `[samples]`.
        name: str, how to call the sound in the warning.

    Returns:
        The same, or the scaled array.
    """
    loudest = peak(waveform)
    if loudest <= LOUD:
        return waveform
    warn_loud(loudest, name)
    return waveform / np.float32(loudest)


def warn_loud(loudest, name):
    """Warns that a sound of this peak is scaled down; `name` is how to call it."""
    logger.warning("%s: samples up to %.3g; full scale is 1, so the sound is scaled down to it", name, loudest)


def limit_in_graph(waveform, usable=True):
    """`scale_down` for graphs, where nothing can warn.

    Args:
        waveform: float32 tensor `[..., samples]`.
        usable: bool tensor `[...]`, whether to keep the row; others become silence.

    Returns:
        float32 tensor of the same shape.
    """
    loudest = tf.reduce_max(tf.abs(waveform), axis=-1, keepdims=True)
    scale = tf.where(loudest > LOUD, 1.0 / tf.maximum(loudest, 1.0), 1.0)
    return tf.where(tf.expand_dims(usable, -1), waveform * scale, 0.0)
