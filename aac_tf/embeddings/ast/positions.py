"""AST's position embeddings, adapted to spectrograms of another length."""

from __future__ import annotations

import numpy as np

SPECIAL_TOKENS = 2  # [CLS] and distillation, before the patches


def patch_grid(config, max_length=None):
    """Number of patches along frequency and time; patches of the same frequency are consecutive.

    Args:
        config: `ASTConfig`.
        max_length: int, frames of the spectrogram; None takes the config's.

    Returns:
        Two ints.

    Raises:
        ValueError: if the spectrogram is smaller than a patch.
    """
    frames, bins, patch = max_length or config.max_length, config.num_mel_bins, config.patch_size
    if min(frames, bins) < patch:
        raise ValueError(f"a spectrogram of {frames} frames and {bins} bins is smaller than a patch, {patch} x {patch}")
    return (bins - patch) // config.frequency_stride + 1, (frames - patch) // config.time_stride + 1


def resize_positions(positions, config, max_length):
    """Adapts position embeddings to another number of frames.

    For fewer frames, they are cut from the middle of the time axis. For more, they are interpolated linearly along it,
    constant beyond the centres of the first and the last patch.

    Args:
        positions: float `[1, 2 + patches, width]`, for the config's `max_length`.
        config: `ASTConfig`.
        max_length: int, number of frames.

    Returns:
        Array of the same dtype `[1, 2 + new patches, width]`.

    Raises:
        ValueError: if the positions do not fit the config, or there are fewer frames than in a patch.

    Reference:
        Y. Gong, Y.-A. Chung, J. Glass, AST, https://github.com/YuanGongND/ast, src/models/ast_models.py
    """
    rows, old = patch_grid(config)
    _, new = patch_grid(config, max_length)
    if positions.shape[:2] != (1, SPECIAL_TOKENS + rows * old):
        expected = SPECIAL_TOKENS + rows * old
        raise ValueError(f"expected position embeddings [1, {expected}, width], got {positions.shape}")
    grid = positions[0, SPECIAL_TOKENS:].reshape(rows, old, -1)
    grid = _cut(grid, old, new) if new <= old else _interpolate(grid, old, new)
    patches = grid.reshape(1, rows * new, -1).astype(positions.dtype)
    return np.concatenate([positions[:, :SPECIAL_TOKENS], patches], axis=1)


def _cut(grid, old, new):
    start = old // 2 - new // 2
    return grid[:, start : start + new]


def _interpolate(grid, old, new):
    # Centres of the new patches on the old axis.
    centres = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    left = np.floor(centres).astype(int)
    right = np.minimum(left + 1, old - 1)
    share = (centres - left)[:, np.newaxis]
    return (1 - share) * grid[:, left] + share * grid[:, right]
