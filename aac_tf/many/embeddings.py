"""The store of frozen embeddings, filled by Apache Beam."""

import dataclasses

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from aac_tf.build import build_augment, build_clips, build_embedder, build_features, build_spec, make_scenes
from aac_tf.config import ConfigError
from aac_tf.data.embedding_store import embed_shards, store_embeddings
from aac_tf.data.features import FileFeatures
from aac_tf.datasets import ClipList
from aac_tf.many.pipeline import NAMESPACE, beam_options, count
from aac_tf.many.watch import watched
from aac_tf.utils.cache import cache_folder

# Shards that a worker takes at once: the network is compiled once for them.
_SHARDS_TOGETHER = 8


def embed_many(config, flags=(), progress=None):
    """Fills the store that training with this config reads, `train` with its augmented views and `validation`.

    Args:
        config: `Config` with a frozen network and `data.embedding_store`.
        flags: list of str, Beam's own options. All workers must see sounds and store under the same paths.
        progress: optional function `(what) -> (function (done, total))`.

    Returns:
        (folder of the store, rows that are there now, rows that were made now): a row is a clip or a view of one.

    Raises:
        ConfigError: if the config has no frozen network, or no store.
        DatasetError: if the clips cannot be read, or the store cannot be written.
    """
    if config.embedding.kind == "none" or config.data.stored_views() is None:
        raise ConfigError("nothing to store: embedding.kind is none, or data.embedding_store is off")
    make_scenes(config, progress)
    # Whatever training holds in memory, what is embedded here comes from files.
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, cache="none"))
    folder = config.data.embedding_folder or cache_folder() / "embeddings"
    embedder, rows, made = build_embedder(config), 0, []

    def make(shards, _, clips, features, augment):
        update = progress and progress("Embedding shards")
        with watched(lambda: sum(shard.path.is_file() for shard in shards), len(shards), update):
            made.append(_run(config, shards, clips, features, augment, flags))

    for split in ("train", "validation"):
        clips = build_clips(config, split)
        if clips is None:
            continue
        clips, features = build_features(config, clips, progress=progress)
        augment = build_augment(config) if split == "train" else None
        views = config.data.stored_views() if augment else 0
        store_embeddings(folder, embedder, clips, features, augment, views, progress=progress, make=make)
        rows += len(clips) * (views + 1)
    return str(folder), rows, sum(made)


class EmbedShards(beam.DoFn):
    """Embeds shards of the store; a process makes the frozen network once.

    Args:
        config: `Config`.
        augment: `SpecAugment` or None.

    Takes (shards, clips, frames): `Shard`s whose clips count among these clips, and the frames of each. The counter
    `embedded` says how many rows were made.
    """

    def __init__(self, config, augment):
        self._config = config
        self._augment = augment
        self._shared = Shared()

    def process(self, element):
        """Embeds them."""
        shards, clips, frames = element
        self._embedder = self._shared.acquire(lambda: build_embedder(self._config))
        features = FileFeatures([clip.path for clip in clips], frames, build_spec(self._config))
        embed_shards(shards, self._embedder, ClipList(clips), features, self._augment)
        Metrics.counter(NAMESPACE, "embedded").inc(sum(len(shard.clips) for shard in shards))


def _run(config, shards, clips, features, augment, flags):
    """Embeds shards; returns how many rows the runner counted."""
    elements = []
    for begin in range(0, len(shards), _SHARDS_TOGETHER):
        together = shards[begin : begin + _SHARDS_TOGETHER]
        chosen, own = np.unique(np.concatenate([shard.clips for shard in together]), return_inverse=True)
        ends = np.cumsum([len(shard.clips) for shard in together])[:-1]
        renamed = [dataclasses.replace(shard, clips=part) for shard, part in zip(together, np.split(own, ends))]
        elements.append((renamed, [clips[index] for index in chosen], features.lengths[chosen].tolist()))
    pipeline = beam.Pipeline(options=beam_options(flags))
    pipeline | beam.Create(elements) | beam.Reshuffle() | beam.ParDo(EmbedShards(config, augment))
    result = pipeline.run()
    result.wait_until_finish()
    return count(result, "embedded")
