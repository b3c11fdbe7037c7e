"""Searches: from a step function that scores the next word to captions."""

from aac_tf.decoding.beam import Beam, beam_search
from aac_tf.decoding.greedy import Greedy, greedy_search
from aac_tf.decoding.rules import Rules
from aac_tf.decoding.sample import Sample
from aac_tf.decoding.search import Hypotheses, Search

__all__ = ["Beam", "Greedy", "Hypotheses", "Rules", "Sample", "Search", "beam_search", "greedy_search"]
