"""The config of an experiment: its sections."""

from dataclasses import dataclass
from typing import Dict

from aac_tf.config.keys import NEVER, OneOf, key, one_of, section
from aac_tf.config.schema.audio import AudioConfig
from aac_tf.config.schema.augmentation import AugmentationConfig, EmbeddingSpecAugmentConfig, SpecAugmentConfig
from aac_tf.config.schema.data import DataConfig
from aac_tf.config.schema.decoder import DECODERS
from aac_tf.config.schema.decoding import SEARCHES
from aac_tf.config.schema.embedding import FROZEN_ENCODERS
from aac_tf.config.schema.encoder import ENCODERS
from aac_tf.config.schema.scenes import ScenesConfig
from aac_tf.config.schema.training import TrainingConfig
from aac_tf.config.schema.vocabulary import VocabularyConfig


@dataclass
class Config:
    """The config of an experiment."""

    name: str = key("experiment", "name of the run folder in runs/", settled=NEVER, resumable=True)
    seed: int = key(0, "seed of all random numbers", at_least=0, at_most=2**31 - 1)
    paper: Dict[str, float] = key({}, "scores that the paper reports for this experiment", settled=NEVER)
    data: DataConfig = section(DataConfig, settled=NEVER)
    scenes: ScenesConfig = section(ScenesConfig)
    audio: AudioConfig = section(AudioConfig)
    embedding: OneOf = one_of(
        FROZEN_ENCODERS, "none", "frozen encoder between spectrogram and trained encoder; it brings its own spectrogram"
    )
    specaugment: SpecAugmentConfig = section(SpecAugmentConfig)
    embedding_specaugment: EmbeddingSpecAugmentConfig = section(EmbeddingSpecAugmentConfig)
    augmentation: AugmentationConfig = section(AugmentationConfig)
    vocabulary: VocabularyConfig = section(VocabularyConfig)
    encoder: OneOf = one_of(ENCODERS, "birnn", "trained encoder")
    decoder: OneOf = one_of(
        DECODERS,
        "attention",
        "decoder: an LSTM with attention over the encoder steps, a GRU on the last step alone, or a transformer",
    )
    training: TrainingConfig = section(TrainingConfig)
    decoding: OneOf = one_of(SEARCHES, "beam", "search for captions", settled=NEVER)

    @property
    def normalizes(self):
        """Whether the inputs of the trained encoder are standardized."""
        return self.audio.normalize or getattr(self.embedding, "normalize", False)
