"""Builds the dataset of a config; without TensorFlow, so that commands check their data before they import it."""

import dataclasses

from aac_tf.config import ConfigError
from aac_tf.datasets import MACS, AudioCaps, Clotho, FirstClips, HeldOut, Manifest, Mixture, Styled, WavCaps
from aac_tf.scenes import Scenes

DATASETS = {
    "clotho": Clotho,
    "audiocaps": AudioCaps,
    "macs": MACS,
    "wavcaps": WavCaps,
    "manifest": Manifest,
    "scenes": Scenes,
}


def build_dataset(config):
    """Builds the `Dataset` of a config.

    Raises:
        ConfigError: if a source has no folder.
    """
    parts = {}
    # Embeddings are drawn where they are read from the store, for YAMNet's classes.
    drawn = config.embedding.kind == "yamnet" and config.data.stored_views() is not None
    for source in config.data.all_sources():
        if source.root is None:
            raise ConfigError(
                "data.root is not set: give the folder of the dataset with data.root=FOLDER, and its kind with "
                f"data.source=... if it is not {source.source}"
            )
        options = {**dataclasses.asdict(config.scenes), "stand_ins": drawn} if source.source == "scenes" else {}
        dataset = DATASETS[source.source](source.root, **options)
        if config.data.validation_fraction > 0:
            dataset = HeldOut(dataset, config.data.validation_fraction, config.seed)
        if config.data.max_clips is not None:
            dataset = FirstClips(dataset, config.data.max_clips)
        if source.style is not None:
            dataset = Styled(dataset, source.style)
        name = source.source if source.source not in parts else f"{source.source}_{len(parts) + 1}"
        parts[name] = (dataset, source.weight)
    if not config.data.sources:
        return dataset
    return Mixture([(name, *part) for name, part in parts.items()])
