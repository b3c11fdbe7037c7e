"""Which network it is: what a frozen network answers to a spectrogram that never changes."""

from __future__ import annotations

import numpy as np

# As a share. AST's weights in bfloat16 are 0.6 % off, YAMNet's with noise of 1 % of their deviation 8 %.
_TOLERANCE = 0.05


def fingerprint(embedder):
    """What a network answers to waves over time and pitch, which stand for no sound.

    Args:
        embedder: `YamnetEmbedder`, `AstEmbedder` or another with their `spec`.

    Returns:
        list of `embedder.width` floats.
    """
    spec = embedder.spec
    time, pitch = np.arange(spec.segment_length)[:, np.newaxis], np.arange(spec.num_bins)
    waves = np.cos(0.13 * time + 0.07 * pitch) + np.cos(0.031 * time * (1 + pitch / spec.num_bins))
    embedding, _ = embedder((2.0 * waves - 3.0)[np.newaxis].astype(np.float32))
    return [round(float(value), 6) for value in np.asarray(embedding)[0, 0]]


def difference(one, other):
    """How far two fingerprints are apart, 0 to 2, as a share of the larger one; 0 if they may be the same network's.

    Args:
        one: what `fingerprint` returns.
        other: the same.
    """
    if len(one) != len(other):
        return 2.0
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    size = max(np.linalg.norm(one), np.linalg.norm(other))
    found = np.linalg.norm(one - other) / size if size else 0.0
    # Written so that NaN is another network.
    return 0.0 if found <= _TOLERANCE else float(np.nan_to_num(found, nan=2.0))
