"""The sections of an experiment's config and their keys.

Each section is a dataclass in a file of its own. If a section has several kinds, each kind is a dataclass with its own
keys, and the section's key `kind` selects one of them. All of them are imported from here.
"""

from aac_tf.config.schema.audio import SPECS, AudioConfig
from aac_tf.config.schema.augmentation import AugmentationConfig, EmbeddingSpecAugmentConfig, SpecAugmentConfig
from aac_tf.config.schema.data import DATASETS, DataConfig, SourceConfig
from aac_tf.config.schema.decoder import (
    DECODERS,
    AttentionDecoderConfig,
    FixedVectorDecoderConfig,
    TransformerDecoderConfig,
)
from aac_tf.config.schema.decoding import (
    SEARCHES,
    BeamConfig,
    DiverseBeamConfig,
    GreedyConfig,
    RankedSearchConfig,
    SampleConfig,
    SearchConfig,
)
from aac_tf.config.schema.embedding import (
    FROZEN_ENCODERS,
    AstConfig,
    NoFrozenEncoderConfig,
    WindowedEncoderConfig,
    YamnetConfig,
)
from aac_tf.config.schema.encoder import ENCODERS, BiRNNEncoderConfig, LinearEncoderConfig
from aac_tf.config.schema.experiment import Config
from aac_tf.config.schema.scenes import ScenesConfig
from aac_tf.config.schema.training import TrainingConfig
from aac_tf.config.schema.vocabulary import VocabularyConfig

__all__ = [
    "DATASETS",
    "DECODERS",
    "ENCODERS",
    "FROZEN_ENCODERS",
    "SEARCHES",
    "SPECS",
    "AstConfig",
    "AttentionDecoderConfig",
    "AudioConfig",
    "AugmentationConfig",
    "BeamConfig",
    "BiRNNEncoderConfig",
    "Config",
    "DataConfig",
    "DiverseBeamConfig",
    "EmbeddingSpecAugmentConfig",
    "FixedVectorDecoderConfig",
    "GreedyConfig",
    "LinearEncoderConfig",
    "NoFrozenEncoderConfig",
    "RankedSearchConfig",
    "SampleConfig",
    "ScenesConfig",
    "SearchConfig",
    "SourceConfig",
    "SpecAugmentConfig",
    "TrainingConfig",
    "TransformerDecoderConfig",
    "VocabularyConfig",
    "WindowedEncoderConfig",
    "YamnetConfig",
]
