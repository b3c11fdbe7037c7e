"""CIDEr-D of word ids, inside the graph of the training step."""

import numpy as np
import tensorflow as tf

_MAX_N = 4
# Standard deviation of the difference in length, and factor of the score, of CIDEr-D.
_LENGTH_DEVIATION, _SCALE = 6.0, 10.0
_ABSENT = np.iinfo(np.int64).min


class CIDErReward:
    """CIDEr-D of captions against the references of their clips, as pycocoevalcap computes it.

    The document frequencies of n-grams are those of the training captions. They are found by bisection, and n-grams are
    compared by their ids, so that thousands of captions take milliseconds and XLA can compile it.

    Args:
        references: int `[clips, captions, words]`, ids of the words of all training captions; -1 pads short captions
            and clips with fewer captions.
        vocabulary_size: int.

    Call arguments:
        captions: int `[batch, samples, words]`, padded with -1.
        references: int `[batch, captions, words]`, padded with -1; `words` may differ.

    Returns:
        float32 `[batch, samples]`, 0 for clips without references.

    Example:
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> from aac_tf.training.cider_reward import CIDErReward
        >>> references = np.array([[[4, 5, 6, 7]], [[4, 8, 9, -1]]])
        >>> reward = CIDErReward(references, vocabulary_size=10)
        >>> reward(tf.constant([[[4, 5, 6, 7], [4, 8, 9, -1]]]), tf.constant(references[:1])).numpy().round(3)
        array([[10.,  0.]], dtype=float32)

    Reference:
        R. Vedantam, C. L. Zitnick, D. Parikh, "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015,
        https://arxiv.org/abs/1411.5726
    """

    def __init__(self, references, vocabulary_size):
        self._base = vocabulary_size
        self._log_clips = np.float32(np.log(len(references)))
        ngrams = (self._ngrams(tf.constant(references), n) for n in range(1, _MAX_N + 1))
        self._tables = [_log_frequencies(keys.numpy(), valid.numpy()) for keys, valid in ngrams]

    def __call__(self, captions, references):
        """See the class."""
        total = 0.0
        for n, table in enumerate(self._tables, 1):
            keys, valid = self._ngrams(captions, n)
            other_keys, other_valid = self._ngrams(references, n)
            square, other_square = self._squares(keys, valid, table), self._squares(other_keys, other_valid, table)
            own = _count(keys, keys, valid)
            other = _count(keys[:, :, tf.newaxis], other_keys[:, tf.newaxis], other_valid[:, tf.newaxis])
            # Each occurrence of an n-gram adds its share of what the n-gram adds.
            share = square / tf.maximum(own, 1.0)
            clipped = tf.minimum(own[:, :, tf.newaxis], other) * other
            product = tf.reduce_sum(share[:, :, tf.newaxis] * clipped, -1)
            norm = tf.sqrt(tf.reduce_sum(own * square, -1))
            other_norm = tf.sqrt(tf.reduce_sum(_count(other_keys, other_keys, other_valid) * other_square, -1))
            total += tf.math.divide_no_nan(product, norm[:, :, tf.newaxis] * other_norm[:, tf.newaxis])
        length, other_length = _length(captions), _length(references)
        # Like pycocoevalcap, which counts bigrams.
        longer = tf.maximum(length - 1, 0)[:, :, tf.newaxis] - tf.maximum(other_length - 1, 0)[:, tf.newaxis]
        total *= tf.exp(-tf.square(longer / _LENGTH_DEVIATION) / 2)
        present = tf.cast(other_length > 0, tf.float32)[:, tf.newaxis]
        mean = tf.math.divide_no_nan(tf.reduce_sum(total * present, -1), tf.reduce_sum(present, -1))
        return mean * _SCALE / _MAX_N

    def _ngrams(self, words, n):
        """The n-grams that begin at each word: a number int64 for each, and whether it ends within the caption.

        Different n-grams have different numbers in vocabularies of up to 55,000 words; in larger ones, nearly always.
        """
        width = words.shape[-1]
        padded = tf.pad(tf.cast(words, tf.int64), [[0, 0], [0, 0], [0, n - 1]], constant_values=-1)
        keys = tf.zeros_like(words, tf.int64)
        for place in range(n):
            keys = keys * self._base + padded[..., place : place + width]
        return keys, padded[..., n - 1 :] >= 0

    def _squares(self, keys, valid, table):
        """Squares float32 of the inverse document frequencies of n-grams, 0 where none begins."""
        return tf.where(valid, tf.square(self._log_clips - _look_up(keys, *table)), 0.0)


def _log_frequencies(keys, valid):
    """The n-grams of more than one clip, sorted, and the logarithms of the numbers of their clips."""
    flat = np.sort(np.where(valid, keys, _ABSENT).reshape(len(keys), -1), axis=1)
    first = np.diff(flat, axis=1, prepend=_ABSENT) != 0
    found, counts = np.unique(flat[first], return_counts=True)
    # The smallest number comes first, so that the bisection always finds a number that is not larger.
    common = counts > 1
    return np.append(_ABSENT, found[common]), np.append(0, np.log(counts[common])).astype(np.float32)


def _look_up(keys, known, values):
    """Values float32 of keys among the sorted `known`, 0 for others.

    `tf.searchsorted` compares all keys with all known ones under XLA.
    """
    known, values = tf.constant(known), tf.constant(values)
    last = known.shape[0] - 1
    place = tf.zeros_like(keys, tf.int32)
    for bit in reversed(range(last.bit_length())):
        further = tf.minimum(place + (1 << bit), last)
        place = tf.where(tf.gather(known, further) <= keys, further, place)
    return tf.where(tf.gather(known, place) == keys, tf.gather(values, place), 0.0)


def _count(keys, others, valid):
    """How often each of `keys` `[..., words]` is among the valid ones of `others` `[..., words]`, float32."""
    same = (keys[..., tf.newaxis] == others[..., tf.newaxis, :]) & valid[..., tf.newaxis, :]
    return tf.reduce_sum(tf.cast(same, tf.float32), -1)


def _length(words):
    return tf.reduce_sum(tf.cast(words >= 0, tf.float32), -1)
