"""Searches: from a step function that scores the next word to captions."""

from typing import TYPE_CHECKING

from aac_tf.decoding.constraints import ConstraintError, Constraints
from aac_tf.utils.lazy import import_on_use

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
    __getattr__ = import_on_use(
        __name__,
        {
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
        },
    )


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
