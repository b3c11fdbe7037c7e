"""The section `vocabulary`: words."""

from dataclasses import dataclass

from aac_tf.config.keys import key


@dataclass
class VocabularyConfig:
    """The words that the model knows."""

    min_count: int = key(10, "minimum number of times that a word occurs in the training captions", at_least=1)
    max_words: int = key(20, "maximum number of words in a caption; longer ones are cut", at_least=1)
    padding: str = key(
        "<PAD>", "padding token; <END> makes a vocabulary of only <START>, <END> and words", choices=("<PAD>", "<END>")
    )
    style_dropout: float = key(
        0.1, "fraction of the examples with a style that are trained without it", at_least=0, at_most=1
    )
