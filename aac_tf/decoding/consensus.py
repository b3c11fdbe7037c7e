"""Consensus: the caption that is most similar to the other captions of a search."""

import dataclasses

import tensorflow as tf

from aac_tf.decoding.beam import Beam
from aac_tf.decoding.search import Search, count_words, sort_hypotheses

# Standard deviation of the difference in length that halves the similarity at about 7 words, as in CIDEr-D.
_LENGTH_DEVIATION = 6.0


@dataclasses.dataclass(frozen=True)
class Consensus(Search):
    """Ranks the captions of another search by their mean similarity to all of them (minimum Bayes risk).

    The likeliest caption is often a short, general one, and a metric such as CIDEr rewards what many plausible captions
    agree on. The similarity is CIDEr's: the mean over n = 1 to 4 of the cosine between the counts of n-grams, times a
    Gaussian of the difference in length. An n-gram weighs as much as its words are rare. Their frequency is estimated
    from their ids by Zipf's law, as vocabularies are sorted by frequency. Captions with equal means (rounded to 1e-5)
    keep the order of the search. Log-probabilities stay those of the model.

    Args:
        search: `Search` that finds the captions, such as `Beam(10)` or `Sample(30)`.
        power: exponent of the probabilities by which the captions are weighted in the mean; 0 weighs all alike, which
            suits samples, as they come as often as they are probable.
        max_n: longest n-gram.
        rarity: whether rare n-grams weigh more.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding import Beam, Consensus, Hypotheses
        >>> tokens = tf.constant([[[3, 3, 1], [4, 5, 1], [4, 6, 1]]])  # the likeliest caption is unlike the others
        >>> found = Consensus(Beam(3)).rank(Hypotheses(tokens, tf.constant([[-1.0, -1.2, -1.3]])), end_id=1)
        >>> found.tokens.numpy()[0, 0]
        array([4, 5, 1], dtype=int32)

    Reference:
        S. Kumar, W. Byrne, "Minimum Bayes-Risk Decoding for Statistical Machine Translation", NAACL 2004; B. Eikema,
        W. Aziz, "Sampling-Based Approximations to Minimum Bayes Risk Decoding for Neural Machine Translation",
        EMNLP 2022, https://arxiv.org/abs/2108.04718; R. Vedantam, C. L. Zitnick, D. Parikh, "CIDEr: Consensus-based
        Image Description Evaluation", CVPR 2015, https://arxiv.org/abs/1411.5726, for the similarity.
    """

    search: Search = dataclasses.field(default_factory=lambda: Beam(10))
    power: float = 0.0
    max_n: int = 4
    rarity: bool = True

    def __post_init__(self):
        if not 0 <= self.power < float("inf"):
            raise ValueError(f"power must be at least 0, got {self.power}")
        if self.max_n < 1:
            raise ValueError(f"max_n must be at least 1, got {self.max_n}")

    @property
    def size(self):
        """Number of captions of the search."""
        return self.search.size

    def __call__(self, step, state, memory, rules):
        """See `Search`."""
        return self.rank(self.search(step, state, memory, rules), rules.end_id)

    def rank(self, hypotheses, end_id):
        """See `Search.rank`."""
        hypotheses = self.search.rank(hypotheses, end_id)
        possible = hypotheses.log_probs > -1e30
        log_weights = tf.where(possible, self.power * hypotheses.log_probs, tf.float32.min)
        # One clip at a time: the comparison of all words with all words is large.
        mean = tf.map_fn(
            lambda clip: tf.linalg.matvec(self._similarity(clip[0], end_id), clip[1]),
            (hypotheses.tokens, tf.nn.softmax(log_weights)),
            fn_output_signature=tf.TensorSpec([self.size], tf.float32),
        )
        return sort_hypotheses(hypotheses, tf.where(possible, tf.round(mean * 1e5), tf.float32.min))

    def with_beam_size(self, beam_size):
        """See `Search.with_beam_size`."""
        return dataclasses.replace(self, search=self.search.with_beam_size(beam_size) or Beam(beam_size))

    def _similarity(self, tokens, end_id):
        """Similarities float32 `[size, size]` of the captions int32 `[size, columns]` of a clip."""
        inside, length = tokens != end_id, count_words(tokens, end_id)
        rarity = tf.math.log(tf.cast(tokens, tf.float32) + 1.0) if self.rarity else tf.ones(tf.shape(tokens))
        # Whether the n-gram at a position of one caption (axes 0, 2) is that at a position of another (1, 3).
        words = tokens[:, tf.newaxis, :, tf.newaxis] == tokens[tf.newaxis, :, tf.newaxis, :]
        words &= inside[:, tf.newaxis, :, tf.newaxis]
        same, weight, total = words, rarity, 0.0
        captions = tf.range(tf.shape(tokens)[0])
        itself = captions[:, tf.newaxis] == captions
        for n in range(1, self.max_n + 1):
            if n > 1:
                same = same[..., :-1, :-1] & words[..., n - 1 :, n - 1 :]
                weight = weight[:, :-1] + rarity[:, n - 1 :]
            squares = tf.square(weight)[:, tf.newaxis, :, tf.newaxis]
            products = tf.reduce_sum(tf.where(same, squares, 0.0), axis=[2, 3])
            # The diagonal; LiteRT has no `tf.linalg.diag_part`.
            norm = tf.sqrt(tf.reduce_sum(tf.where(itself, products, 0.0), axis=1))
            total += tf.math.divide_no_nan(products, norm[:, tf.newaxis] * norm)
        longer = tf.cast(length[:, tf.newaxis] - length, tf.float32)
        return total / self.max_n * tf.exp(-tf.square(longer / _LENGTH_DEVIATION) / 2)
