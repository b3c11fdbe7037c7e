"""A search that returns given captions, so that `CaptioningModel.find` computes their log-probabilities."""

import dataclasses

import tensorflow as tf

from aac_tf.decoding import Hypotheses, Search, score_captions


@dataclasses.dataclass(frozen=True, eq=False)
class Given(Search):
    """Finds the captions that it is given, in their order.

    Args:
        tokens: int32 `[batch, size, columns]`, captions as in `Hypotheses`.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding import Rules
        >>> from aac_tf.inference.given import Given
        >>> def step(tokens, state, memory):
        ...     return tf.math.log(tf.repeat([[0.25, 0.25, 0.5]], tf.shape(tokens)[0], axis=0)), state
        >>> search = Given(tf.constant([[[2, 1, 1], [2, 2, 1]]]))
        >>> found = search(step, tf.zeros([1, 1]), None, Rules(start_id=0, end_id=1, max_words=2))
        >>> tf.exp(found.log_probs).numpy()
        array([[0.125 , 0.0625]], dtype=float32)
    """

    tokens: tf.Tensor

    @property
    def size(self):
        """Number of captions per clip."""
        return self.tokens.shape[1]

    def __call__(self, step, state, memory, rules):
        """Scores the captions; see `Search`."""
        log_probs = score_captions(step, state, memory, rules.start_id, rules.end_id, self.tokens)
        return Hypotheses(self.tokens, log_probs)

    def rank(self, hypotheses, end_id):
        """Returns the captions in their order."""
        return hypotheses
