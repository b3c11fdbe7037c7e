"""Encoders, decoders and the captioning model made of them: plain Keras layers."""

from aac_tf.models.attention import TemporalAttention
from aac_tf.models.attention_decoder import AttentionDecoder
from aac_tf.models.captioning_model import CaptioningModel
from aac_tf.models.decoder import Decoder
from aac_tf.models.encoder import Encoder
from aac_tf.models.fixed_vector_decoder import FixedVectorDecoder
from aac_tf.models.linear_encoder import LinearEncoder
from aac_tf.models.subsampled_birnn import SubsampledBiRNN
from aac_tf.models.transformer_decoder import TransformerDecoder

__all__ = [
    "AttentionDecoder",
    "CaptioningModel",
    "Decoder",
    "Encoder",
    "FixedVectorDecoder",
    "LinearEncoder",
    "SubsampledBiRNN",
    "TemporalAttention",
    "TransformerDecoder",
]
