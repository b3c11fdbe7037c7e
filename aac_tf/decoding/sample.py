"""Sampling."""

import dataclasses
from typing import Optional

import tensorflow as tf

from aac_tf.decoding.generate import generate
from aac_tf.decoding.search import Hypotheses, Search, repeat_rows


@dataclasses.dataclass(frozen=True)
class Sample(Search):
    """Draws every word at random from the model's distribution, which can be sharpened and truncated.

    Draws are made with Gumbel noise that depends on the seed, the sample and the position in the caption, but not on
    the clip: a clip gets the same captions alone and in any batch. Duplicate captions are kept. `log_probs` are the
    model's own, neither tempered nor truncated, and captions are ranked by them.

    Args:
        samples: number of captions per clip.
        temperature: divides the log-probabilities before a word is drawn; below 1 likely words become likelier.
        top_p: draws from the nucleus only, the smallest set of most likely words whose probabilities add up to at
            least `top_p`. It applies after `temperature` and `top_k`.
        top_k: draws from the `top_k` most likely words only; None draws from all.
        seed: non-negative int32.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding import Rules, Sample
        >>> def step(tokens, state, memory):
        ...     return tf.repeat([[0.0, 1.0, 2.0, 2.0]], tf.shape(tokens)[0], axis=0), state
        >>> search = Sample(samples=2, temperature=0.8, top_p=0.95, seed=1)
        >>> rules = Rules(start_id=0, end_id=1, max_words=3, forbidden_ids=[0])
        >>> search(step, state=tf.zeros([1, 1]), memory=None, rules=rules).tokens.shape
        TensorShape([1, 2, 4])

    Reference:
        A. Holtzman, J. Buys, L. Du, M. Forbes, Y. Choi, "The Curious Case of Neural Text Degeneration", ICLR 2020,
        https://arxiv.org/abs/1904.09751
    """

    samples: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: Optional[int] = None
    seed: int = 0

    def __post_init__(self):
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, got {self.samples}")
        # Far outside this range the division overflows, and words that are not allowed could be drawn.
        if not 1e-6 <= self.temperature <= 1e6:
            raise ValueError(f"temperature must be in [1e-6, 1e6], got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {self.top_p}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, or None, got {self.top_k}")
        if not 0 <= self.seed <= tf.int32.max:
            raise ValueError(f"seed must be in [0, {tf.int32.max}], got {self.seed}")

    @property
    def size(self):
        """The number of samples."""
        return self.samples

    def __call__(self, step, state, memory, rules):
        """See `Search`."""
        found = generate(step, repeat_rows(state, self.samples), memory, rules, self._draw)
        tokens = tf.reshape(found.tokens, [-1, self.samples, rules.max_words + 1])
        log_probs, order = tf.math.top_k(tf.reshape(found.log_probs, [-1, self.samples]), k=self.samples)
        return Hypotheses(tf.gather(tokens, order, batch_dims=1), log_probs)

    def _draw(self, log_probs, tokens, position):
        # The best word is at 0, so that no temperature takes all words out of the range of float32.
        logits = (log_probs - tf.reduce_max(log_probs, axis=-1, keepdims=True)) / self.temperature
        noise = self._noise(position, tf.shape(logits))
        if self.top_k is None and self.top_p == 1:
            return tf.argmax(logits + noise, axis=-1, output_type=tf.int32)
        logits, words = self._truncate(logits)
        # The noise belongs to the word, not to its rank: rounding that swaps two ranks leaves the draw as it is.
        drawn = tf.argmax(logits + tf.gather(noise, words, batch_dims=1), axis=-1, output_type=tf.int32)
        return tf.gather(words, drawn, batch_dims=1)

    def _noise(self, position, shape):
        """Gumbel noise float32 `[rows, vocabulary]`, the same for every clip."""
        # Integers are the same on every device and under XLA, which converts them to floats in its own way.
        bits = tf.random.stateless_uniform(
            [self.samples, shape[1]], tf.stack([self.seed, position]), None, None, tf.uint32, alg="philox"
        )
        bits = tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.int32)
        uniform = (tf.cast(bits, tf.float32) + 0.5) / 2.0**23  # between 0 and 1, neither included
        return tf.tile(-tf.math.log(-tf.math.log(uniform)), [shape[0] // self.samples, 1])

    def _truncate(self, logits):
        """The logits of the words to draw from, best first, and the ids of these words."""
        size = logits.shape[-1] or tf.shape(logits)[-1]
        logits, words = tf.math.top_k(logits, k=size if self.top_k is None else tf.minimum(self.top_k, size))
        if self.top_p < 1:
            likelier = tf.cumsum(tf.nn.softmax(logits), axis=-1, exclusive=True)
            logits = tf.where(likelier < self.top_p, logits, logits.dtype.min)
        return logits, words
