"""The reward in the graph equals CIDEr-D of pycocoevalcap."""

import numpy as np
import pytest
import tensorflow as tf
from pycocoevalcap.cider.cider_scorer import CiderScorer

from aac_tf.training.cider_reward import CIDErReward

WORDS = 9


def random_captions(shape, seed):
    """Captions of 0 to 9 words from a vocabulary of 6, so that n-grams occur often, and several times in a caption."""
    random = np.random.default_rng(seed)
    words = random.integers(0, 6, [*shape, WORDS])
    return np.where(np.arange(WORDS) < random.integers(0, WORDS + 1, shape)[..., np.newaxis], words, -1)


def text(words):
    return " ".join(f"w{word}" for word in words if word >= 0)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("vocabulary_size", [6, 2_000_000])
def test_the_reward_is_cider_d(vocabulary_size, compiled):
    samples, references = random_captions([12, 3], 1), random_captions([12, 4], 2)
    references[:, 0, 0] = np.maximum(references[:, 0, 0], 0)  # each clip has a caption, and some have only one
    references[3:5, 1:] = -1
    samples[0, 0] = references[0, 0]
    offset = vocabulary_size - 6  # the largest ids
    samples, references = (np.where(words < 0, -1, words + offset) for words in (samples, references))
    reward = tf.function(CIDErReward(references, vocabulary_size), autograph=False, jit_compile=compiled)
    found = reward(tf.constant(samples, tf.int32), tf.constant(references, tf.int32))
    for row in range(samples.shape[1]):
        scorer = CiderScorer()
        for caption, others in zip(samples[:, row], references):
            scorer += (text(caption), [text(other) for other in others if other[0] >= 0])
        _, expected = scorer.compute_score()
        np.testing.assert_allclose(found[:, row], expected, atol=1e-4)


def test_a_clip_without_references_has_no_reward():
    references = random_captions([4, 2], 3)
    captions = tf.constant(references[:1])
    reward = CIDErReward(references, vocabulary_size=6)
    np.testing.assert_array_equal(reward(captions, tf.fill([1, 2, 3], -1)), [[0, 0]])
