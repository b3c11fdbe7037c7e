"""The section `data`: clips, and how they are read and batched."""

from dataclasses import dataclass
from typing import List, Optional

from aac_tf.config.keys import key

DATASETS = ("clotho", "audiocaps", "macs", "wavcaps", "manifest", "scenes")


@dataclass
class SourceConfig:
    """One of several datasets to train on together."""

    source: str = key("clotho", "kind of dataset", choices=DATASETS)
    root: Optional[str] = key(None, "folder of the dataset, or its URL")
    weight: int = key(1, "number of times that an epoch takes each of its captions", at_least=1)
    style: Optional[str] = key(None, "way of speaking of its captions, which the model learns to imitate by this name")


@dataclass
class DataConfig:
    """The clips, and how they are read and batched."""

    source: str = key("clotho", "kind of dataset", choices=DATASETS)
    root: Optional[str] = key(None, "folder of the dataset, or its URL, such as s3://bucket/clips", resumable=True)
    sources: List[SourceConfig] = key(
        [],
        "several datasets to train on together, instead of source and root: "
        "[{source: clotho, root: FOLDER, weight: 2, style: clotho}, {source: audiocaps, root: FOLDER}]",
    )
    validation_fraction: float = key(
        0.0, "fraction of the training clips to hold out if there is no validation split", at_least=0, below=1
    )
    max_clips: Optional[int] = key(None, "use only the first clips of each split, for a quick experiment", at_least=1)
    on_bad_audio: str = key("skip", "what to do with unusable sound files", choices=("skip", "fail"))
    max_seconds: Optional[float] = key(None, "skip clips longer than this, in seconds", at_least=0.1)
    captions_per_clip: str = key(
        "one",
        "one: each caption is an example; all: a clip is encoded once for all its captions",
        choices=("one", "all"),
    )
    static_shapes: bool = key(
        False, "pad batches to the fixed shapes of bucket_seconds and batch_size, for XLA and TPUs", resumable=True
    )
    bucket_seconds: List[float] = key(
        [5.0, 10.0, 15.0, 20.0, 25.0], "upper bounds of the length buckets, in seconds", above=0, increasing=True
    )
    cache: str = key(
        "none",
        "memory: keep spectrograms or stored embeddings in memory after reading them once",
        choices=("none", "memory"),
        resumable=True,
    )
    embedding_store: str = key(
        "on",
        "on: compute the frozen encoder's embeddings once and store them, with 4 SpecAugmented views of each training "
        "clip; a number: with that many views; off: compute them in every epoch",
    )
    embedding_folder: Optional[str] = key(
        None,
        "folder of the embedding store; null: embeddings/ in $AAC_TF_CACHE or ~/.cache/aac_tf",
        resumable=True,
    )

    def all_sources(self):
        """Returns the datasets to read, a list of `SourceConfig`."""
        return self.sources or [SourceConfig(self.source, self.root)]

    def stored_views(self):
        """Returns how many augmented views of each clip the embedding store keeps; None if there is no store."""
        # YAML reads an unquoted `on` as true.
        words = {"on": 4, "true": 4, "off": None, "false": None}
        value = self.embedding_store.lower()
        return words[value] if value in words else int(value)
