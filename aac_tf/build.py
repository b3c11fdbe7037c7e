"""Builds objects from a config: one table per kind of part.

Only this module and `build_dataset`, which needs no TensorFlow, map kinds to classes.
"""

import dataclasses
import importlib

import numpy as np
import tensorflow as tf

from aac_tf.audio import SPECS, SpecAugment
from aac_tf.audio.gain_shift import GainShift
from aac_tf.build_dataset import DATASETS as DATASETS
from aac_tf.build_dataset import build_dataset as build_dataset
from aac_tf.config import ConfigError
from aac_tf.config.schema import RankedSearchConfig
from aac_tf.decoding import Beam, Consensus, Constraints, DiverseBeam, Greedy, Sample
from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.models import (
    AttentionDecoder,
    CaptioningModel,
    FixedVectorDecoder,
    LinearEncoder,
    SubsampledBiRNN,
    TransformerDecoder,
)
from aac_tf.models.loss import rarity_weights

# Module and class, imported only if the config selects it: the libraries of AST take seconds to import.
FROZEN_ENCODERS = {
    "none": None,
    "yamnet": ("aac_tf.embeddings.yamnet.embedder", "YamnetEmbedder"),
    "ast": ("aac_tf.embeddings.ast.embedder", "AstEmbedder"),
}
ENCODERS = {"birnn": SubsampledBiRNN, "linear": LinearEncoder}
DECODERS = {
    "attention": AttentionDecoder,
    "fixed_vector": FixedVectorDecoder,
    "transformer": TransformerDecoder,
}
SEARCHES = {
    "greedy": Greedy,
    "beam": Beam,
    "diverse_beam": DiverseBeam,
    "sample": Sample,
}
RANKINGS = {"likelihood": None, "consensus": Consensus}
WORD_WEIGHTS = {"none": None, "rarity": rarity_weights}


def build_spec(config):
    """Builds the `SpectrogramSpec` of a config: that of the frozen encoder, or the named one with its replaced fields.

    Raises:
        ConfigError: if the fields contradict each other.
    """
    frozen = _frozen_encoder_class(config)
    try:
        if frozen is not None:
            return frozen.spec_for(**_frozen_options(config))
        replaced = _set_options(config.audio)
        for name in ("spec", "normalize"):
            del replaced[name]
        if replaced.get("mel_norm") == "none":
            replaced["mel_norm"] = None
        spec = SPECS[config.audio.spec]
        if "sample_rate" in replaced:
            replaced.setdefault("fmax", min(spec.fmax, replaced["sample_rate"] / 2))
        return dataclasses.replace(spec, **replaced)
    except ValueError as error:
        raise ConfigError(f"{'audio' if frozen is None else 'embedding'}: {error}") from error


def build_frozen_encoder(config, origin=None):
    """Builds the `FrozenEncoder` between spectrogram and trained encoder.

    Args:
        config: `Config`.
        origin: dict from `network_origin`, where the weights were when the run was trained; None if there is no run.

    Returns:
        `FrozenEncoder`; None if the config has none.

    Raises:
        EmbeddingError: if the weights cannot be loaded.
    """
    frozen = _frozen_encoder_class(config)
    if frozen is None:
        return None
    options = _frozen_options(config)
    found = frozen.find_weights(origin) if origin else None
    if found:
        options["source"] = found
    try:
        return frozen(**options, name="embedder")
    except EmbeddingError as error:
        if not origin or found or "source" not in origin:
            raise
        raise EmbeddingError(
            f"{error}; the run was trained with {origin['source']}, which is not here any more"
        ) from error


def build_augment(config, normalization=None):
    """Builds `SpecAugment`; None if its probability is 0.

    Args:
        config: `Config`.
        normalization: as for `build_model`. Without a frozen encoder, it is that of the spectrogram, and its mean fills
            the masks; otherwise zeros do.
    """
    masks = config.specaugment
    if masks.probability == 0:
        return None
    masks_spectrogram = normalization is not None and config.embedding.kind == "none"
    value = float(np.mean(normalization[0])) if masks_spectrogram else 0.0
    return SpecAugment(masks.max_frames, masks.max_bins, masks.probability, mask_value=value)


def build_gain_shift(config):
    """Builds the `GainShift` of training clips; None if the config has none."""
    options = _options(config.augmentation)
    return GainShift(build_spec(config), **options) if any(options.values()) else None


def build_model(config, vocabulary_size, normalization=None, embedder=None, bins=None, precision="float32"):
    """Builds an untrained `CaptioningModel` with its weights created.

    Args:
        config: `Config`.
        vocabulary_size: int.
        normalization: mean and variance of the encoder's inputs, float `[bins]` each; None does not normalize.
        embedder: layer of `build_frozen_encoder`; None if there is none, or if the features are stored embeddings. It
            has no variables, so checkpoints are the same with and without it.
        bins: int, width of the features; None takes that of the spectrogram.
        precision: `float32`, `bfloat16` or `float16`, precision of the layers' products; weights are float32.

    Returns:
        `CaptioningModel`.
    """
    policy = precision if precision == "float32" else f"mixed_{precision}"
    bins = bins or build_spec(config).num_bins
    if normalization is not None:
        mean, variance = (tf.constant(values, tf.float32) for values in normalization)
        normalization = tf.keras.layers.Normalization(mean=mean, variance=variance, name="normalization")
    masks = config.embedding_specaugment if config.embedding_specaugment.probability else None
    encoder, decoder = ENCODERS[config.encoder.kind], DECODERS[config.decoder.kind]
    model = CaptioningModel(
        encoder(**_options(config.encoder), name="encoder", dtype=policy),
        decoder(vocabulary_size, **_options(config.decoder), name="decoder", dtype=policy),
        normalization=normalization,
        embedder=embedder,
        label_smoothing=config.training.label_smoothing,
        specaugment=masks and SpecAugment(masks.max_frames, masks.max_bins, masks.probability),
        input_dropout=config.training.input_dropout,
        embedding_dropout=config.training.embedding_dropout,
    )
    model(
        {
            "features": tf.zeros([1, 1, bins]),
            "length": tf.ones([1], tf.int32),
            "tokens": tf.zeros([1, 1], tf.int32),
        }
    )
    return model


def build_search(config):
    """Builds the `Search` of a config.

    Raises:
        ConfigError: if its keys contradict each other.
    """
    decoding, common = _options(config.decoding), _options(RankedSearchConfig())
    options = {name: value for name, value in decoding.items() if name not in common}
    try:
        search = SEARCHES[config.decoding.kind](**options)
    except ValueError as error:
        raise ConfigError(f"decoding: {error}") from error
    ranking = RANKINGS[decoding.get("rank", "likelihood")]
    return search if ranking is None else ranking(search, power=decoding["consensus_power"])


def build_constraints(config):
    """Builds the `Constraints` of a config; they raise `ConstraintError`."""
    return Constraints.from_options(_options(config.decoding))


def build_word_weights(config, examples, vocabulary_size):
    """Computes the weight of each word in the loss, float32 `[vocabulary_size]`; None if all weigh the same."""
    weights = WORD_WEIGHTS[config.training.word_weights]
    if weights is None:
        return None
    return weights(examples.tokens, examples.words, vocabulary_size, config.training.word_weight_floor)


def _options(section):
    """The keys of a section as constructor arguments of its kind's class."""
    return {name: value for name, value in dataclasses.asdict(section).items() if name != "kind"}


def _set_options(section):
    """`_options` without null values, for which the class has its own defaults."""
    return {name: value for name, value in _options(section).items() if value is not None}


def _frozen_options(config):
    """The arguments of the frozen encoder: keys of `embedding` that are set, without that of the model."""
    return {name: value for name, value in _set_options(config.embedding).items() if name != "normalize"}


def _frozen_encoder_class(config):
    place = FROZEN_ENCODERS[config.embedding.kind]
    return None if place is None else getattr(importlib.import_module(place[0]), place[1])
