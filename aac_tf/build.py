"""The one room that turns a config into objects."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from aac_tf import audio, embeddings
from aac_tf.audio import SpecAugment, resampled_length
from aac_tf.config import AudioConfig, ConfigError, EmbeddingConfig
from aac_tf.data.embedding_store import store_embeddings
from aac_tf.data.features import FileFeatures, MemoryFeatures, ViewedFeatures
from aac_tf.data.pipeline import bucket_boundaries
from aac_tf.data.screening import screen_audio
from aac_tf.datasets import read_audiocaps, read_clotho, read_manifest
from aac_tf.datasets.clips import ClipList, DatasetError
from aac_tf.decoding import Hypotheses, beam_search, greedy_search
from aac_tf.models import AttentionDecoder, CaptioningModel, FixedVectorDecoder, SubsampledBiRNN
from aac_tf.scenes.banks import FolderBank, SyntheticBank
from aac_tf.scenes.composer import read_scene_clips, write_scenes
from aac_tf.text import WordTokenizer
from aac_tf.utils.cache import cache_folder

SOURCES = {
    "clotho": read_clotho,
    "audiocaps": read_audiocaps,
    "manifest": read_manifest,
    "scenes": read_scene_clips,
}
# Class of the frozen network in `aac_tf.embeddings`, and the keys of `embedding` that are its own.
EMBEDDERS = {"yamnet": ("YamnetEmbedder", []), "ast": ("AstEmbedder", ["window_seconds", "precision"])}


def build_spec(config):
    """The `SpectrogramSpec` of a config: the frozen network's own, or the named one with the replaced values."""
    if config.embedding.kind != "none":
        if config.audio != AudioConfig():
            raise ConfigError(f"embedding.kind={config.embedding.kind} brings its own spectrogram: leave audio.* out")
        embedder, options = _embedder(config)
        return embedder.spec_of(options["window_seconds"]) if "window_seconds" in options else embedder.spec
    replaced = {
        name: value
        for name, value in dataclasses.asdict(config.audio).items()
        if name not in ("spec", "normalize") and value is not None
    }
    spec = getattr(audio, config.audio.spec)
    if "sample_rate" in replaced and "fmax" not in replaced:
        replaced["fmax"] = min(spec.fmax, replaced["sample_rate"] / 2)
    try:
        return dataclasses.replace(spec, **replaced)
    except ValueError as error:
        raise ConfigError(f"audio: {error}") from error


def build_clips(config, split, audio_needed=True):
    """The clips of a split.

    Args:
        config: `Config`.
        split: `train`, `validation` or `test`.
        audio_needed: whether clips without a file are left out.

    Returns:
        `ClipList`; None for `validation` where the dataset has none and `data.validation_fraction` is 0.

    Raises:
        ConfigError: if `data.root` is not set.
        DatasetError: if the dataset cannot be read, or the split is not there or has no clip left.
    """
    if config.data.root is None:
        raise ConfigError("data.root is not set: name the folder of the dataset, data.root=FOLDER")
    if config.data.validation_fraction >= 1:
        raise ConfigError("data.validation_fraction is a share, below 1")
    read = SOURCES[config.data.source]
    clips = read(config.data.root, split, audio_needed)
    if config.data.validation_fraction > 0 and split in ("train", "validation"):
        clips = _hold_out(config, split, clips, read, audio_needed)
    if clips is None and split == "validation":
        return None
    if clips is None:
        raise DatasetError(f"{config.data.root} has no {split} split of data.source={config.data.source}")
    if config.data.max_clips is not None:
        clips = ClipList(clips.clips[: config.data.max_clips], clips.left_out)
    if not len(clips):
        name, reason = clips.left_out[0] if clips.left_out else ("it", "no captions")
        raise DatasetError(f"the {split} split of {config.data.root} has no usable clip; for example: {name}: {reason}")
    return clips


def _hold_out(config, split, clips, read, audio_needed):
    validation = clips if split == "validation" else read(config.data.root, "validation", audio_needed)
    if validation is not None:
        return clips
    clips = clips if split == "train" else read(config.data.root, "train", audio_needed)
    order = np.random.default_rng(config.seed).permutation(len(clips))
    held = set(order[: max(1, round(len(clips) * config.data.validation_fraction))].tolist())
    chosen = [clip for index, clip in enumerate(clips) if (index in held) == (split == "validation")]
    return ClipList(chosen, clips.left_out)


def make_scenes(config, progress=None):
    """Composes the corpus of `data.source=scenes` in `data.root`, unless it is there; other sources need nothing.

    Args:
        config: `Config`.
        progress: optional function `(what) -> (function (done, total))`.
    """
    if config.data.source != "scenes":
        return
    if config.data.root is None:
        raise ConfigError("data.root is not set: name the folder where the scenes are, or shall be, data.root=FOLDER")
    scenes, progress = config.scenes, progress or (lambda what: None)
    if scenes.bank == "synthetic":
        bank = SyntheticBank(sample_rate=scenes.sample_rate)
    else:
        bank = FolderBank(scenes.bank, scenes.sample_rate, progress("Reading the bank of sounds"))
    write_scenes(
        pathlib.Path(config.data.root),
        bank,
        counts={"train": scenes.train, "validation": scenes.validation, "test": scenes.test},
        sample_rate=scenes.sample_rate,
        seed=scenes.seed,
        min_seconds=scenes.min_seconds,
        max_seconds=scenes.max_seconds,
        max_events=scenes.max_events,
        progress=progress("Composing scenes"),
    )


def build_tokenizer(config):
    """The `WordTokenizer` of the training captions, whether their clips are there or not."""
    clips = build_clips(config, "train", audio_needed=False)
    words = config.vocabulary
    captions = [caption for clip in clips for caption in clip.captions]
    tokenizer = WordTokenizer.from_captions(captions, words.min_count, words.max_words, words.padding)
    if not set(range(tokenizer.vocabulary_size())) - {*tokenizer.special_ids, tokenizer.end_id}:
        raise ConfigError(
            f"no word occurs vocabulary.min_count={words.min_count} times in the {len(captions)} training captions: "
            "lower it"
        )
    return tokenizer


def build_features(config, clips, embedder=None, augmented=False, progress=None):
    """Screens clips and makes their features.

    Args:
        config: `Config`.
        clips: `ClipList`.
        embedder: frozen network whose stored embeddings are the features; None: spectrograms are.
        augmented: whether stored embeddings have the augmented views that training draws from.
        progress: optional function `(what) -> (function (done, total))`.

    Returns:
        The usable clips, a `ClipList`, and `FileFeatures`, `MemoryFeatures` or `ViewedFeatures` of them.

    Raises:
        DatasetError: if no clip is left, or one is not usable and `data.on_bad_audio=fail`.
    """
    progress = progress or (lambda what: None)
    spec = build_spec(config)
    before = len(clips.left_out)
    clips, lengths = screen_audio(clips, config.data.max_seconds, progress("Checking audio"))
    bad = clips.left_out[before:]
    if bad and (config.data.on_bad_audio == "fail" or not len(clips)):
        name, reason = bad[0]
        raise DatasetError(f"{len(bad)} unusable sound files, the first is {name}: {reason}")
    frames = [spec.output_length(resampled_length(samples, rate, spec.sample_rate)) for samples, rate in lengths]
    features = FileFeatures([clip.path for clip in clips], frames, spec)
    in_memory = config.data.cache == "memory"
    if embedder is not None:
        folder = config.data.embedding_folder or cache_folder() / "embeddings"
        augment = build_augment(config) if augmented else None
        views = config.data.stored_views() if augment else 0
        keep = (lambda rows: MemoryFeatures(rows, progress("Reading embeddings"))) if in_memory else None
        return clips, store_embeddings(folder, embedder, clips, features, augment, views, keep, progress)
    if in_memory:
        features = MemoryFeatures(features, progress("Computing spectrograms"))
    return clips, features


def build_boundaries(config, features, embedder=None):
    """Bucket boundaries in frames, or in segments where the features are the stored embeddings of `embedder`."""
    spec = build_spec(config)
    lengths = [spec.output_length(int(seconds * spec.sample_rate)) for seconds in config.data.bucket_seconds]
    if embedder is not None:
        lengths = [embedder.output_length(frames) for frames in lengths]
    return bucket_boundaries(features.lengths, lengths)


def build_augment(config, normalization=None):
    """`SpecAugment`, or None if its probability is 0; masks are the features' mean where that is known, otherwise 0."""
    masks = config.specaugment
    if masks.probability == 0:
        return None
    value = 0.0 if normalization is None else float(np.mean(normalization[0]))
    return SpecAugment(masks.max_frames, masks.max_bins, masks.probability, mask_value=value)


def build_draw(config, features, normalization=None):
    """The function `(clip, seed) -> features` that training hears clips through; None: as they are."""
    augment = build_augment(config, normalization)
    if augment is None or isinstance(features, ViewedFeatures):
        return None if augment is None else features.draw
    return lambda index, seed: augment(features.load(index), seed)


def build_embedder(config):
    """The frozen network before the encoder, or None."""
    if config.embedding.kind == "none":
        return None
    embedder, options = _embedder(config)
    return embedder(config.embedding.source, name="embedder", **options)


def _embedder(config):
    """Class of the frozen network, and its options."""
    chosen = config.embedding
    name, own = EMBEDDERS[chosen.kind]
    default = EmbeddingConfig()
    for key in {key for _, keys in EMBEDDERS.values() for key in keys} - set(own):
        if getattr(chosen, key) != getattr(default, key):
            raise ConfigError(f"embedding.{key} is not for embedding.kind={chosen.kind}: leave it out")
    options = {key: getattr(chosen, key) for key in own}
    if chosen.batch_windows is not None:
        options["batch_windows"] = chosen.batch_windows
    return getattr(embeddings, name), options


def build_model(config, vocabulary_size, normalization=None, embedder=None, bins=None, precision="float32"):
    """An untrained `CaptioningModel` with its weights created.

    Args:
        config: `Config`.
        vocabulary_size: int.
        normalization: None, or mean and variance of the features, float [bins] each.
        embedder: the layer of `build_embedder`; None where there is none, or where its stored embeddings come in. As it
            has no variables, checkpoints are the same with it and without.
        bins: int, width of the features that come in; None: of the spectrogram.
        precision: `float32`, `bfloat16` or `float16` of the recurrent layers' products; weights are float32.
    """
    policy = precision if precision == "float32" else f"mixed_{precision}"
    encoder, decoder, bins = config.encoder, config.decoder, bins or build_spec(config).num_bins
    if normalization is not None:
        mean, variance = (tf.constant(values, tf.float32) for values in normalization)
        normalization = tf.keras.layers.Normalization(mean=mean, variance=variance, name="normalization")
    model = CaptioningModel(
        SubsampledBiRNN(
            units=encoder.units,
            layers=encoder.layers,
            cell=encoder.cell,
            subsampling=encoder.subsampling,
            residual=encoder.residual,
            dropout=encoder.dropout,
            name="encoder",
            dtype=policy,
        ),
        AttentionDecoder(
            vocabulary_size,
            decoder.units,
            decoder.embedding,
            decoder.attention_units,
            decoder.dropout,
            name="decoder",
            dtype=policy,
        )
        if decoder.kind == "attention"
        else FixedVectorDecoder(vocabulary_size, decoder.units, decoder.dropout, name="decoder", dtype=policy),
        normalization=normalization,
        embedder=embedder,
    )
    model(
        {
            "features": tf.zeros([1, 1, bins]),
            "length": tf.ones([1], tf.int32),
            "tokens": tf.zeros([1, 1], tf.int32),
        }
    )
    return model


def build_encode(config, model, bins=None):
    """The compiled first half of captioning.

    Args:
        config: `Config`.
        model: `CaptioningModel`.
        bins: int, width of the features that come in; None: of the spectrogram.

    Returns:
        `tf.function` from features float32 `[batch, frames, bins]` and length int32 `[batch]` to the encoder's steps
        `[batch, steps, width]` and their number `[batch]`. It is traced once, whatever the batch and the lengths.
    """
    features = tf.TensorSpec([None, None, bins or build_spec(config).num_bins], tf.float32)
    signature = [features, tf.TensorSpec([None], tf.int32)]
    # Loops are for processors; accelerators compute the layer faster, and lower precisions are the layer's.
    accelerated = any(tf.config.list_logical_devices(kind) for kind in ("GPU", "TPU"))
    in_loops = not accelerated and model.encoder.compute_dtype == "float32"
    return tf.function(lambda *sound: model.encode(*sound, in_loops=in_loops), signature, autograph=False)


def build_search(config, model, tokenizer, beam_size=None):
    """The compiled second half of captioning, a search for words.

    Args:
        config: `Config`.
        model: `CaptioningModel`.
        tokenizer: `WordTokenizer`.
        beam_size: int; None takes the config's. 1 is greedy search.

    Returns:
        `tf.function` from the two results of `build_encode`'s to `Hypotheses` with tokens `[batch, beam, words]`.
    """
    beam_size = config.decoding.beam_size if beam_size is None else beam_size
    if beam_size < 1:
        raise ConfigError(f"the beam size must be at least 1, got {beam_size}")
    rules = {
        "start_id": tokenizer.start_id,
        "end_id": tokenizer.end_id,
        "max_words": tokenizer.max_words,
        "forbidden_ids": tokenizer.special_ids,
    }

    @tf.function(input_signature=_encoded(model), autograph=False)
    def search(encoded, length):
        memory = model.decoder.prepare_memory(encoded, length)
        state = model.decoder.initial_state(memory)
        if beam_size == 1:
            found = greedy_search(model.decoder.step, state, memory, **rules)
            return Hypotheses(found.tokens[:, tf.newaxis], found.log_probs[:, tf.newaxis])
        penalty = config.decoding.length_penalty
        return beam_search(model.decoder.step, state, memory, beam_size=beam_size, length_penalty=penalty, **rules)

    return search


def build_attend(model, tokenizer):
    """Which steps the words of captions looked at, as a compiled function.

    Args:
        model: `CaptioningModel`.
        tokenizer: `WordTokenizer`.

    Returns:
        `tf.function` from tokens int32 `[batch, words]`, without `<START>`, and the two results of `build_encode`'s to
        weights float32 `[batch, words, steps]`.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32), *_encoded(model)], autograph=False)
    def attend(tokens, encoded, length):
        before = tf.pad(tokens[:, :-1], [[0, 0], [1, 0]], constant_values=tokenizer.start_id)
        return model.decoder.attention(before, encoded, length)

    return attend


def build_step_seconds(config):
    """Where the encoder's steps lie in time.

    Args:
        config: `Config`.

    Returns:
        (first, hop): step i is centred `first + i * hop` seconds after the sound's beginning. It is the first of the
        steps that sub-sampling made one.
    """
    spec = build_spec(config)
    hop = spec.hop_length
    first = 0.0 if spec.centered else spec.window_length / 2
    if config.embedding.kind != "none":
        first += (spec.segment_length - 1) * hop / 2
        hop *= spec.segment_hop
    hop *= config.encoder.subsampling ** (config.encoder.layers - 1)
    return first / spec.sample_rate, hop / spec.sample_rate


def _encoded(model):
    width = 2 * model.encoder.units
    return [tf.TensorSpec([None, None, width], model.encoder.compute_dtype), tf.TensorSpec([None], tf.int32)]
