"""The section `decoding`: kinds of searches."""

from dataclasses import dataclass
from typing import List, Optional

from aac_tf.config.keys import OneOf, key

MAX_HYPOTHESES = 1000  # of a clip; a batch has a row of the decoder for each


@dataclass
class SearchConfig(OneOf):
    """Keys of all searches."""

    style: Optional[str] = key(
        None, "style of the captions, if the model was trained with styles; null or none: no style in particular"
    )
    min_words: int = key(1, "minimum number of words of a caption", at_least=0)
    max_words: Optional[int] = key(
        None, "maximum number of words of a caption; null: vocabulary.max_words, the upper limit", at_least=1
    )
    forbidden_words: List[str] = key([], "words that captions never contain, such as [music, silence]")
    repeat_words: str = key(
        "any",
        "words that may occur twice in a caption; function: only articles, prepositions and the like, as in CoNeTTE, "
        "and none directly after itself",
        choices=("any", "function", "none"),
    )
    repeatable_words: List[str] = key([], "with repeat_words=function or none: further words that may occur twice")
    no_repeat_ngram: Optional[int] = key(
        None, "length of the sequences of words that occur at most once in a caption; null: any may repeat", at_least=1
    )
    rerank_weight: float = key(
        0.5, "with a second model (--rerank): weight of its log-probability in the ranking", at_least=0, at_most=1
    )


@dataclass
class GreedyConfig(SearchConfig):
    """Take the most likely word at each step."""


@dataclass
class RankedSearchConfig(SearchConfig):
    """Keys of searches that find several captions."""

    rank: str = key(
        "likelihood",
        "what ranks the captions of a clip; consensus: mean similarity to all of them (minimum Bayes risk)",
        choices=("likelihood", "consensus"),
    )
    consensus_power: float = key(
        0.0, "with rank=consensus: exponent of the probabilities that weight the captions; 0: equal weights", at_least=0
    )


@dataclass
class BeamConfig(RankedSearchConfig):
    """Keep the best hypotheses at each step."""

    beam_size: int = key(3, "number of hypotheses; 1 is greedy search", at_least=1, at_most=MAX_HYPOTHESES)
    length_penalty: float = key(0.0, "rank hypotheses by log-probability / words ** length_penalty", at_least=0)


@dataclass
class DiverseBeamConfig(RankedSearchConfig):
    """Keep the best hypotheses of each group, and let the groups avoid each other's words."""

    beam_size: int = key(6, "number of hypotheses, a multiple of groups", at_least=1, at_most=MAX_HYPOTHESES)
    length_penalty: float = key(0.0, "rank hypotheses by log-probability / words ** length_penalty", at_least=0)
    groups: int = key(3, "number of groups; 1 is beam search", at_least=1)
    diversity: float = key(
        1.0, "what a word loses for each hypothesis of an earlier group that has just chosen it", at_least=0
    )


@dataclass
class SampleConfig(RankedSearchConfig):
    """Draw words from the model's distribution."""

    samples: int = key(1, "number of captions to draw; the most likely comes first", at_least=1, at_most=MAX_HYPOTHESES)
    temperature: float = key(1.0, "divisor of the logits", at_least=1e-6, at_most=1e6)
    top_p: float = key(1.0, "draw from the most likely words with this total probability", above=0, at_most=1)
    top_k: Optional[int] = key(None, "draw from this many most likely words; null: from all", at_least=1)
    seed: int = key(0, "the same seed gives the same captions", at_least=0, at_most=2**31 - 1)


SEARCHES = {
    "greedy": GreedyConfig,
    "beam": BeamConfig,
    "diverse_beam": DiverseBeamConfig,
    "sample": SampleConfig,
}
