"""A step function in, words out."""

from aac_tf.decoding.beam import beam_search
from aac_tf.decoding.greedy import greedy_search
from aac_tf.decoding.rules import Hypotheses

__all__ = ["Hypotheses", "beam_search", "greedy_search"]
