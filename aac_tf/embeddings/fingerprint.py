"""Comparison of frozen encoders by their fingerprints, see `FrozenEncoder.fingerprint`."""

from __future__ import annotations

import numpy as np

# Relative. AST's weights in bfloat16 differ by 0.6 %, YAMNet's with noise of 1 % of their standard deviation by 8 %.
_TOLERANCE = 0.05


def difference(first, second):
    """Relative distance of two fingerprints, from 0 to 2; 0 if they may be of the same network.

    Args:
        first: list of float, from `FrozenEncoder.fingerprint`.
        second: list of float, from `FrozenEncoder.fingerprint`.

    Returns:
        float.

    Example:
        >>> from aac_tf.embeddings.fingerprint import difference
        >>> difference([1.0, 0.0], [1.01, 0.0]), difference([1.0, 0.0], [0.5, 0.0])
        (0.0, 0.5)
    """
    if len(first) != len(second):
        return 2.0
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    norm = max(np.linalg.norm(first), np.linalg.norm(second))
    distance = np.linalg.norm(first - second) / norm if norm else 0.0
    # NaN compares false, so that it is a difference.
    return 0.0 if distance <= _TOLERANCE else float(np.nan_to_num(distance, nan=2.0))
