"""Weights of words in the cross-entropy."""

import numpy as np


def rarity_weights(tokens, words, vocabulary_size, floor=0.5):
    """Weight of a word that falls with its count: `min f / f_w`, at least `floor`.

    Equations 9 and 10 of Nguyen, Drossos, Virtanen (DCASE 2020), where `floor` is beta = 0.5.

    Args:
        tokens: int `[..., width]`, captions with `<START>` first, as `Examples.tokens`.
        words: int `[...]`, how many of them are not padding.
        vocabulary_size: int.
        floor: float.

    Returns:
        float32 `[vocabulary_size]`; words that never occur weigh 1.
    """
    predicted = (np.arange(tokens.shape[-1]) < words[..., np.newaxis]) & (np.arange(tokens.shape[-1]) > 0)
    counts = np.bincount(tokens[predicted], minlength=vocabulary_size)
    rarest = counts[counts > 0].min()
    return np.maximum(rarest / np.maximum(counts, rarest), floor).astype(np.float32)
