"""Searches: from a step function that scores the next word to captions."""

import importlib
from typing import TYPE_CHECKING

from aac_tf.decoding.constraints import ConstraintError, Constraints

# Type checkers, editors and the API reference read the imports and `__all__`.
if TYPE_CHECKING:
    from aac_tf.decoding.beam import Beam, beam_search
    from aac_tf.decoding.consensus import Consensus
    from aac_tf.decoding.diverse_beam import DiverseBeam
    from aac_tf.decoding.greedy import Greedy, greedy_search
    from aac_tf.decoding.rules import Rules
    from aac_tf.decoding.sample import Sample
    from aac_tf.decoding.score import score_captions
    from aac_tf.decoding.search import Hypotheses, Search
else:
    # Imported on first use: constraints can be checked without TensorFlow.
    _LAZY = {
        "Beam": "beam",
        "Consensus": "consensus",
        "DiverseBeam": "diverse_beam",
        "Greedy": "greedy",
        "Hypotheses": "search",
        "Rules": "rules",
        "Sample": "sample",
        "Search": "search",
        "beam_search": "beam",
        "greedy_search": "greedy",
        "score_captions": "score",
    }

    def __getattr__(name):
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)


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
