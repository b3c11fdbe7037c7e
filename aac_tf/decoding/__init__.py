"""Searches: from a step function that scores the next word to captions."""

from aac_tf.decoding.beam import Beam, beam_search
from aac_tf.decoding.consensus import Consensus
from aac_tf.decoding.constraints import ConstraintError, Constraints
from aac_tf.decoding.diverse_beam import DiverseBeam
from aac_tf.decoding.greedy import Greedy, greedy_search
from aac_tf.decoding.rules import Rules
from aac_tf.decoding.sample import Sample
from aac_tf.decoding.score import score_captions
from aac_tf.decoding.search import Hypotheses, Search

__all__ = [
    "Beam",
    "Consensus",
    "ConstraintError",
    "Constraints",
    "DiverseBeam",
    "Greedy",
    "Hypotheses",
    "Rules",
    "Sample",
    "Search",
    "beam_search",
    "greedy_search",
    "score_captions",
]
