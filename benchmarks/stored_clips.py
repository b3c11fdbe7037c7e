"""Clips that are embedded once, for many runs to caption, and the scores of their captions."""

import dataclasses
import hashlib

import numpy as np

import aac_tf  # noqa: F401 - selects the Keras to use, before TensorFlow is imported

import tensorflow as tf  # isort: skip
from real_recordings import sound_folder, tag_scores  # isort: skip

from aac_tf.build import build_constraints, build_model, build_search
from aac_tf.data.pipeline import clip_batches
from aac_tf.data.preparation import prepare_features
from aac_tf.datasets import ClipList, match_audio
from aac_tf.datasets.csv_files import read_captions, read_styles
from aac_tf.evaluation.scoring import compute_scores
from aac_tf.inference.graphs import encode_function, search_function
from aac_tf.scenes.corpus import read_scenes
from aac_tf.scenes.event_scores import score_scenes

BATCH = 32


@dataclasses.dataclass
class StoredClips:
    """Embedded clips and what they are scored against.

    Attributes:
        clips: `ClipList`; the captions of a clip are asked for in its style.
        features: their embeddings, such as `MemoryFeatures`.
        scenes: `{file name: Scene}`; None for recordings, whose sounds only their captions tell.
    """

    clips: ClipList
    features: object
    scenes: dict | None = None

    @property
    def references(self):
        """`{file name: captions}`."""
        return {clip.name: clip.captions for clip in self.clips}

    def fingerprint(self):
        """A str that changes with the clips, captions and scenes, also if their names stay."""
        clips = [(clip.name, clip.style, clip.captions) for clip in self.clips]
        about = clips, self.features.lengths.tolist(), self.scenes
        return hashlib.sha256(repr(about).encode()).hexdigest()[:32]


def embed_scenes(config, embedder, root, split, progress=None):
    """`StoredClips` of a split of composed scenes in a folder; other arguments as for `prepare_features`."""
    table = root / f"captions_{split}.csv"
    clips = match_audio(read_captions(table), root / split, styles=read_styles(table))
    return StoredClips(*prepare_features(config, clips, embedder, progress=progress), read_scenes(root, split))


def embed_recordings(config, embedder, files, progress=None):
    """`StoredClips` of recordings.

    Args:
        config: see `prepare_features`.
        embedder: see `prepare_features`.
        files: list of (style, path of a captions file), in a layout of `sound_folder`; an empty style is none.
        progress: see `prepare_features`.
    """
    clips = [
        dataclasses.replace(clip, style=style or None)
        for style, path in files
        for clip in match_audio(read_captions(path), sound_folder(path))
    ]
    return StoredClips(*prepare_features(config, ClipList(clips), embedder, progress=progress))


class RunCaptions:
    """Captions of stored clips by runs.

    For a run like the one before it, only the weights are loaded: the functions are compiled anew if the vocabulary,
    the model or the search differ.

    Args:
        bins: width of the embeddings.
    """

    def __init__(self, bins):
        self._bins, self._known = bins, None

    def load(self, run):
        """Loads the best weights of a `Run`."""
        config = run.config()
        tokenizer = run.tokenizer(config)
        normalization = run.normalization(self._bins)
        sizes = config.encoder, config.decoder, config.decoding
        known = tokenizer.get_vocabulary(), tokenizer.styles, sizes, normalization and np.array(normalization).tobytes()
        if known != self._known:
            self._known, self._tokenizer = known, tokenizer
            self._model = build_model(config, tokenizer.vocabulary_size(), normalization, bins=self._bins)
            self._encode = encode_function(self._model, self._bins)
            rules = build_constraints(config).rules(tokenizer.get_vocabulary(), tokenizer.max_words)
            self._find = search_function(self._model, tokenizer, build_search(config), rules)
        run.restore_best(self._model)

    def caption(self, stored):
        """Captions of `StoredClips`, as `{file name: caption}`."""
        styles = [self._tokenizer.known_style(clip.style) for clip in stored.clips]
        starts = tf.constant([self._tokenizer.style_id(style) for style in styles])
        captions = {}
        for batch in clip_batches(stored.features, BATCH):
            found = self._find(
                *self._encode(batch["features"], batch["length"]), start=tf.gather(starts, batch["clip"])
            )
            texts = self._tokenizer.detokenize(found.tokens[:, 0]).numpy()
            captions |= {stored.clips[int(clip)].name: text.decode() for clip, text in zip(batch["clip"], texts)}
        return {clip.name: captions[clip.name] for clip in stored.clips}


def score(captions, stored):
    """Scores captions of `StoredClips`.

    Returns:
        (`{"meteor", "cider", "f1", "recall": score}`, list of the CIDEr of each clip). F1 and recall are those of the
        sounds that captions name, against the events of composed scenes, or the sounds that two humans name.
    """
    found = compute_scores(captions, stored.references, ["meteor", "cider"]).found
    if stored.scenes is None:
        sounds = tag_scores(captions, stored.references)
    else:
        events, _ = score_scenes(captions, stored.scenes)
        sounds = {"f1": events["event_f1"], "recall": events["event_recall"]}
    scores = {name: found[name].corpus for name in ("meteor", "cider")}
    return {**scores, "f1": sounds["f1"], "recall": sounds["recall"]}, found["cider"].per_item.tolist()
