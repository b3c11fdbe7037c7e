"""Captioners with random weights, which need no training, as run folders and as exported models."""

import functools
import os
import pathlib

import numpy as np
import tensorflow as tf

from aac_tf import Captioner
from aac_tf.build import build_frozen_encoder, build_model
from aac_tf.config import load_config
from aac_tf.export.saved_model import export_saved_model
from aac_tf.runs.run import Run
from aac_tf.text import WordTokenizer

WORDS = ["a", "the", "dog", "cat", "bell", "rain", "siren", "barks", "meows", "rings", "falls", "and", "then", "loudly"]
SMALL = ["encoder.units=12", "decoder.units=12"]
SMALL_ATTENTION = ["decoder.embedding=6", "decoder.attention_units=6"]
SMALL_AST = pathlib.Path(__file__).parent / "embeddings" / "fixtures" / "ast" / "audioset"
KINDS = {
    "attention": ["audio.sample_rate=16000", "audio.normalize=true"],
    "attention, M = 4": ["audio.sample_rate=16000", "encoder.subsampling=4", "encoder.residual=true"],
    "fixed vector": ["encoder.cell=gru", "encoder.layers=3", "encoder.subsampling=2", "decoder.kind=fixed_vector"],
    "AST": ["embedding.kind=ast", f"embedding.source={SMALL_AST}", "embedding.normalize=true"],
    "styles": ["audio.sample_rate=16000", "decoding.style=audiocaps"],
    "transformer": [
        *("audio.sample_rate=16000", "encoder.kind=linear", "encoder.positions=true", "decoder.kind=transformer"),
        *("decoder.layers=2", "decoder.heads=3", "decoder.feedforward=24"),
    ],
}
STYLES = {"styles": ["audiocaps", "clotho"]}


def write_run(folder, overrides, styles=()):
    """Writes a run folder like that of training, with random weights."""
    tf.keras.utils.set_random_seed(1)
    attention = [] if any(override.startswith("decoder.kind=") for override in overrides) else SMALL_ATTENTION
    config = load_config(None, [*SMALL, *attention, "vocabulary.max_words=8", *overrides])
    styles = [f"<STYLE:{style}>" for style in styles]
    tokenizer = WordTokenizer(["<PAD>", "<START>", "<END>", "<UNK>", *styles, *WORDS], max_words=8)
    embedder = build_frozen_encoder(config)
    normalization = (np.full(64, -5.0), np.full(64, 4.0)) if config.audio.normalize else None
    if config.normalizes and embedder is not None:
        normalization = np.full(embedder.width, 0.1), np.full(embedder.width, 0.25)
    model = build_model(config, tokenizer.vocabulary_size(), normalization, embedder)
    for weight in model.trainable_weights:
        # Otherwise all hypotheses have about the same probability, and rounding errors decide between them.
        weight.assign(weight * 4.0)
    # As after training, the checkpoint has the state of an optimizer.
    model.compile(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    run = Run(folder)
    if embedder is None:
        run.create(config, tokenizer, normalization)
    else:
        run.create(config, tokenizer, normalization, network=embedder.fingerprint(), origin=embedder.origin)
    run.best.mkdir(parents=True)
    tf.train.CheckpointManager(tf.train.Checkpoint(model=model), str(run.best), max_to_keep=1).save()
    return run.folder


class SmallRun:
    """A run of one of `KINDS`; each form of it is made when a test first needs it.

    Args:
        root: path of an empty folder.
        kind: str, key of `KINDS`.
    """

    def __init__(self, root, kind):
        self._root = root
        self._overrides = KINDS[kind]
        self._styles = STYLES.get(kind, ())

    @functools.cached_property
    def folder(self):
        """The run folder."""
        return write_run(self._root / "run", self._overrides, self._styles)

    @functools.cached_property
    def captioner(self):
        """`Captioner` of the run."""
        return Captioner.load(self.folder)

    @functools.cached_property
    def model(self):
        """Folder of the exported model's only version."""
        return export_saved_model(self.captioner, self._root / "model")

    @functools.cached_property
    def loaded(self):
        """The exported model, loaded."""
        return tf.saved_model.load(os.fspath(self.model))
