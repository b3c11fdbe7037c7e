"""Diverse beam search."""

import dataclasses

import tensorflow as tf

from aac_tf.decoding.beam import Beam, extend_beam
from aac_tf.decoding.continuations import Continuations, best_continuations


@dataclasses.dataclass(frozen=True)
class DiverseBeam(Beam):
    """Beam search in groups, each of which avoids the words that earlier groups choose at the same position.

    The discount for such a word counts only while words are chosen. It does not change the log-probabilities, by which
    (with the length penalty, if any) the hypotheses of all groups are ranked in the end. Two groups may end with the
    same caption.

    Args:
        beam_size: number of hypotheses per clip, a multiple of `groups`.
        length_penalty: see `Beam`.
        groups: number of groups; 1 is beam search.
        diversity: discount of a word for each hypothesis of an earlier group that has just chosen it, in nats.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding import DiverseBeam, Rules
        >>> def step(tokens, state, memory):
        ...     return tf.repeat([[0.0, 0.0, 3.0, 2.5]], tf.shape(tokens)[0], axis=0), state
        >>> rules = Rules(start_id=0, end_id=1, max_words=1, forbidden_ids=[0])
        >>> DiverseBeam(beam_size=2, groups=2)(step, tf.zeros([1, 1]), None, rules).tokens.numpy()
        array([[[2, 1],
                [3, 1]]], dtype=int32)

    Reference:
        A. K. Vijayakumar et al., "Diverse Beam Search for Improved Description of Complex Scenes", AAAI 2018,
        https://arxiv.org/abs/1610.02424, with the Hamming diversity.
    """

    beam_size: int = 6
    groups: int = 3
    diversity: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        if self.groups < 1 or self.beam_size % self.groups:
            raise ValueError(
                f"beam_size must be a multiple of groups: got beam_size={self.beam_size}, groups={self.groups}"
            )
        if not 0 <= self.diversity < float("inf"):
            raise ValueError(f"diversity must be at least 0, got {self.diversity}")

    def __call__(self, step, state, memory, rules):
        """See `Search`."""
        each = self.beam_size // self.groups

        def choose(candidates, tokens, log_probs, ended):
            vocabulary = tf.shape(candidates)[2]
            chosen, found = tf.zeros([tf.shape(tokens)[0], vocabulary]), []
            for group in range(self.groups):
                own = slice(group * each, (group + 1) * each)
                parts = (candidates[:, own], tokens[:, own], log_probs[:, own], ended[:, own])
                best = best_continuations(*parts, rules.end_id, self.length_penalty, self.diversity * chosen)
                found.append(best._replace(origin=best.origin + group * each))
                had_ended = tf.gather(ended[:, own], best.origin, batch_dims=1)
                words = tf.where(had_ended, -1, best.words)  # one_hot of -1 is zero
                chosen += tf.reduce_sum(tf.one_hot(words, vocabulary), axis=1)
            return Continuations(*(tf.concat(parts, axis=1) for parts in zip(*found)))

        first = tf.where(tf.range(self.beam_size) % each == 0, 0.0, tf.float32.min)
        return self.rank(extend_beam(step, state, memory, rules, first, choose), rules.end_id)
