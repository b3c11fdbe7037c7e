"""Weights of words in the loss."""

import numpy as np

from aac_tf.models.loss import rarity_weights


def test_min_count_over_count_with_a_floor():
    """Eq. 9-10: min f / f_w, at least beta; START and padding are no targets and do not count."""
    start, end = 0, 1
    tokens = np.array([[start, 2, 3, end, end, end], [start, 2, 4, 4, 2, end], [start, 2, 4, end, end, end]])
    weights = rarity_weights(tokens, np.array([4, 6, 4]), 6, floor=0.3)
    counts = {1: 3, 2: 4, 3: 1, 4: 3}
    for word, count in counts.items():
        assert weights[word] == np.float32(max(1 / count, 0.3))
    assert weights[5] == 1


def test_captions_of_clips_in_a_grid():
    tokens = np.array([[[0, 2, 1], [0, 3, 1]], [[0, 2, 1], [1, 1, 1]]])
    words = np.array([[3, 3], [3, 0]])
    np.testing.assert_allclose(rarity_weights(tokens, words, 4, floor=0.1), [1, 1 / 3, 1 / 2, 1])
