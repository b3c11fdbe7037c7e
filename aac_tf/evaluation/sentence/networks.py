"""The networks of FENSE: sentence embeddings, and the detector of fluency errors."""

from __future__ import annotations

import functools
import re

import tensorflow as tf
from safetensors.numpy import load_file

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.sentence.bert import CaptionNetwork
from aac_tf.evaluation.sentence.weights import EMBEDDER


class SentenceEmbedder(CaptionNetwork):
    """Embeddings `[captions, width]` of length 1: the mean of BERT's outputs, as sentence-transformers computes it.

    Reference:
        N. Reimers, I. Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", EMNLP 2019,
        https://arxiv.org/abs/1908.10084
    """

    def __init__(self, name=EMBEDDER):
        super().__init__(name, max_tokens=128)

    def prepare(self, caption):
        """See `CaptionNetwork`."""
        return caption.strip()

    def head(self, hidden, mask):
        """See `CaptionNetwork`."""
        mask = mask[..., tf.newaxis]
        mean = tf.reduce_sum(hidden * mask, axis=1) / tf.reduce_sum(mask, axis=1)
        return tf.math.l2_normalize(mean, axis=-1)


class ErrorDetector(CaptionNetwork):
    """Probabilities `[captions]` that a caption has a fluency error.

    A linear layer over BERT's first token classifies an added tail, a repeated event, a repeated adverb, a missing
    conjunction, a missing verb and, last, any error. Only the last counts.

    Reference:
        Z. Zhou, Z. Zhang, X. Xu, Z. Xie, M. Wu, K. Q. Zhu, "Can Audio Captions Be Evaluated with Image Caption
        Metrics?", ICASSP 2022, https://arxiv.org/abs/2110.04684
    """

    def __init__(self, name):
        super().__init__(name, max_tokens=64)
        weights = load_file(self.path)
        try:
            self._kernel, self._bias = weights["clf.weight"][-1], weights["clf.bias"][-1]
        except (LookupError, IndexError) as error:
            raise MetricError(f"{self.path} is no error detector: it has no clf.weight and clf.bias") from error

    def prepare(self, caption):
        """See `CaptionNetwork`."""
        return re.sub(r"[^\w\s]", "", caption).lower()

    def head(self, hidden, mask):
        """See `CaptionNetwork`."""
        return tf.sigmoid(tf.linalg.matvec(hidden[:, 0], self._kernel) + self._bias)


@functools.lru_cache(maxsize=4)
def load_network(kind, name, *_):
    """A network, loaded once in the process.

    Args:
        kind: `SentenceEmbedder` or `ErrorDetector`.
        name: key of `PUBLISHED`.
        *_: whatever else distinguishes it, such as the path of its weights.
    """
    return kind(name)
