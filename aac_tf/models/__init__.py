"""Embedding in, words' logits and attention out: plain Keras layers."""

from aac_tf.models.attention import TemporalAttention
from aac_tf.models.captioning_model import CaptioningModel
from aac_tf.models.decoders import AttentionDecoder, FixedVectorDecoder
from aac_tf.models.recurrent import SubsampledBiRNN

__all__ = ["AttentionDecoder", "CaptioningModel", "FixedVectorDecoder", "SubsampledBiRNN", "TemporalAttention"]
