"""The section `decoder`: kinds of decoders."""

from dataclasses import dataclass

from aac_tf.config.keys import OneOf, key


@dataclass
class AttentionDecoderConfig(OneOf):
    """An LSTM that attends to the encoder steps before each word."""

    units: int = key(256, "units of the LSTM", at_least=1)
    embedding: int = key(256, "width of the word embeddings", at_least=1)
    attention_units: int = key(256, "width of the hidden layer of the attention", at_least=1)
    dropout: float = key(0.0, "dropout rate before the word classifier", at_least=0, below=1)


@dataclass
class FixedVectorDecoderConfig(OneOf):
    """A GRU whose input is the last encoder step at each word."""

    units: int = key(256, "units of the GRU", at_least=1)
    dropout: float = key(0.0, "dropout rate before the word classifier", at_least=0, below=1)


@dataclass
class TransformerDecoderConfig(OneOf):
    """A transformer whose layers attend to the words before and to the encoder steps."""

    layers: int = key(6, "number of layers", at_least=1)
    units: int = key(256, "width of a word", at_least=1)
    heads: int = key(4, "attention heads of each layer", at_least=1)
    feedforward: int = key(2048, "width of the hidden layer of the feed-forward networks", at_least=1)
    pre_norm: bool = key(
        True, "normalize the input of each sub-layer; false: its output plus the residual, as CoNeTTE does"
    )
    dropout: float = key(0.2, "dropout rate of embeddings, attention weights and layers", at_least=0, below=1)


DECODERS = {
    "attention": AttentionDecoderConfig,
    "fixed_vector": FixedVectorDecoderConfig,
    "transformer": TransformerDecoderConfig,
}
