"""The sections `specaugment`, `embedding_specaugment` and `augmentation`."""

from dataclasses import dataclass

from aac_tf.config.keys import key


@dataclass
class SpecAugmentConfig:
    """SpecAugment: masks on training spectrograms."""

    probability: float = key(0.4, "fraction of the training examples to mask", at_least=0, at_most=1)
    max_frames: int = key(192, "longest time mask, frames", at_least=0)
    max_bins: int = key(48, "widest frequency mask, bins", at_least=0)


@dataclass
class EmbeddingSpecAugmentConfig:
    """SpecAugment on the input of the trained encoder: embeddings, which may be stored, or normalized log-mels."""

    probability: float = key(0.0, "fraction of the training examples to mask; 0: off", at_least=0, at_most=1)
    max_frames: int = key(8, "longest time mask, segments of the frozen encoder or frames", at_least=0)
    max_bins: int = key(256, "widest mask of channels", at_least=0)


@dataclass
class AugmentationConfig:
    """Changes of training sounds; not with stored embeddings, which are computed once."""

    gain_db: float = key(0.0, "maximum random gain and attenuation, dB", at_least=0, at_most=60)
    shift_seconds: float = key(0.0, "maximum random circular shift in both directions, seconds", at_least=0)
