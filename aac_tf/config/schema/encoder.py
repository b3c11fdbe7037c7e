"""The section `encoder`: kinds of trained encoders."""

from dataclasses import dataclass

from aac_tf.config.keys import OneOf, key


@dataclass
class BiRNNEncoderConfig(OneOf):
    """Stacked bi-directional recurrent layers with temporal sub-sampling."""

    cell: str = key("lstm", "recurrent cell", choices=("lstm", "gru"))
    layers: int = key(2, "number of layers", at_least=1)
    units: int = key(256, "units per direction", at_least=1)
    subsampling: int = key(1, "sub-sampling factor M: keep every M-th step between layers", at_least=1)
    residual: bool = key(False, "add a layer's input to its output, from the second layer on")
    dropout: float = key(0.0, "dropout rate after each layer", at_least=0, below=1)


@dataclass
class LinearEncoderConfig(OneOf):
    """A linear layer with a ReLU, for the embeddings of a frozen encoder."""

    units: int = key(256, "width of an encoder step", at_least=1)
    positions: bool = key(False, "add a sinusoidal position encoding, so that the decoder can tell the order of sounds")
    dropout: float = key(0.5, "dropout rate before and after the layer", at_least=0, below=1)


ENCODERS = {"birnn": BiRNNEncoderConfig, "linear": LinearEncoderConfig}
