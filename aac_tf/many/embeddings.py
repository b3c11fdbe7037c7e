"""Filling the embedding store on Apache Beam."""

import dataclasses

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from aac_tf.build import build_frozen_encoder, build_spec
from aac_tf.config import ConfigError
from aac_tf.data.embedding_store import embed_shards
from aac_tf.data.features import FileFeatures
from aac_tf.data.preparation import file_features, prepare_dataset, read_clips, stored_features
from aac_tf.datasets import ClipList
from aac_tf.many.pipeline import NAMESPACE, beam_options, count, run_pipeline
from aac_tf.many.progress import poll_progress
from aac_tf.utils import cache_folder

# Shards per Beam element; the network is compiled once for each.
_SHARDS_PER_ELEMENT = 8


def embed_many(config, flags=(), progress=None):
    """Fills the embedding store that training with a config reads: `train` with its augmented views, and `validation`.

    Args:
        config: `Config` with a frozen encoder and `data.embedding_store`.
        flags: list of str, options of Beam. All workers must find sounds and store under the same paths.
        progress: optional function `(what) -> (function (done, total))`.

    Returns:
        (folder of the store, number of stored embeddings, number of embeddings computed now), where each view of a clip
        has an embedding.

    Raises:
        ConfigError: if the config has no frozen encoder or no store.
        DatasetError: if the clips cannot be read or the store cannot be written.
    """
    embedder = None if config.data.stored_views() is None else build_frozen_encoder(config)
    if embedder is None:
        raise ConfigError("nothing to store: embedding.kind is none, or data.embedding_store is off")
    prepare_dataset(config, progress)
    folder = config.data.embedding_folder or cache_folder() / "embeddings"
    rows, made = 0, []

    def make(shards, _, clips, features, augment):
        update = progress and progress("Embedding shards")
        with poll_progress(lambda: sum(shard.path.is_file() for shard in shards), len(shards), update):
            made.append(_run_pipeline(config, shards, clips, features, augment, flags))

    for split in ("train", "validation"):
        clips = read_clips(config, split)
        if clips is None:
            continue
        clips, features = file_features(config, clips, progress)
        views = stored_features(config, clips, features, embedder, split == "train", progress, make)
        rows += len(clips) * (views.views + 1)
    return str(folder), rows, sum(made)


class EmbedShards(beam.DoFn):
    """Embeds shards of the store; each process builds the frozen encoder once.

    Elements are (shards, clips, frames): `Shard`s whose clips are indices into `clips`, and the frames of each clip.
    The counter `embedded` counts embeddings.

    Args:
        config: `Config`.
        augment: `SpecAugment`, or None.
    """

    def __init__(self, config, augment):
        self._config = config
        self._augment = augment
        self._shared = Shared()

    def process(self, element):
        """Embeds the shards of an element."""
        shards, clips, frames = element
        self._embedder = self._shared.acquire(lambda: build_frozen_encoder(self._config))
        features = FileFeatures([clip.path for clip in clips], frames, build_spec(self._config))
        embed_shards(shards, self._embedder, ClipList(clips), features, self._augment)
        Metrics.counter(NAMESPACE, "embedded").inc(sum(len(shard.clips) for shard in shards))


def _run_pipeline(config, shards, clips, features, augment, flags):
    """Embeds shards; returns the number of embeddings that Beam counted."""
    elements = []
    for begin in range(0, len(shards), _SHARDS_PER_ELEMENT):
        group = shards[begin : begin + _SHARDS_PER_ELEMENT]
        chosen, own = np.unique(np.concatenate([shard.clips for shard in group]), return_inverse=True)
        ends = np.cumsum([len(shard.clips) for shard in group])[:-1]
        renamed = [dataclasses.replace(shard, clips=part) for shard, part in zip(group, np.split(own, ends))]
        elements.append((renamed, [clips[index] for index in chosen], features.lengths[chosen].tolist()))
    pipeline = beam.Pipeline(options=beam_options(flags))
    pipeline | beam.Create(elements) | beam.Reshuffle() | beam.ParDo(EmbedShards(config, augment))
    result, _ = run_pipeline(pipeline)
    return count(result, "embedded")
