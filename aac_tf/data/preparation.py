"""Preparing the splits of a dataset for training, evaluation and the embedding store."""

import dataclasses
import typing

from aac_tf.audio import resampled_length
from aac_tf.build import (
    DECODERS,
    build_augment,
    build_constraints,
    build_dataset,
    build_gain_shift,
    build_spec,
)
from aac_tf.config import ConfigError
from aac_tf.data.drawn_embeddings import check_drawn, check_enough, draw_embeddings
from aac_tf.data.embedding_store import store_embeddings
from aac_tf.data.features import FileFeatures, MemoryFeatures, ViewedFeatures
from aac_tf.data.pipeline import Examples, bucket_boundaries, make_examples
from aac_tf.data.regularization import Regularization
from aac_tf.data.screening import screen_audio
from aac_tf.datasets import ClipList, DatasetError
from aac_tf.models import Decoder
from aac_tf.scenes.heard import heard_clips
from aac_tf.text import WordTokenizer
from aac_tf.utils import cache_folder
from aac_tf.utils.counting import counted


@dataclasses.dataclass
class Split:
    """A prepared split.

    Attributes:
        clips: `ClipList` of its usable clips.
        features: features of the clips, such as `FileFeatures`.
        examples: `Examples` with their tokenized captions.
        boundaries: list of int, upper bounds of the length buckets, in frames or segments of the features.
    """

    clips: ClipList
    features: typing.Any
    examples: Examples
    boundaries: list


def prepare_dataset(config, progress=None):
    """Creates what the dataset of a config needs before it can be read, such as scenes; see `Dataset.prepare`."""
    build_dataset(config).prepare(progress)


def read_clips(config, split, audio_needed=True):
    """Reads the clips of a split; outside of training, those that can be heard as they are (see `heard_clips`).

    Args:
        config: `Config`.
        split: `train`, `validation` or `test`.
        audio_needed: bool, whether to skip clips without a sound file.

    Returns:
        `ClipList`; None for `validation` if the dataset has none and `data.validation_fraction` is 0.

    Raises:
        ConfigError: if `data.root` is not set.
        DatasetError: if the dataset cannot be read, has no such split, or the split has no usable clip.
    """
    dataset = build_dataset(config)
    if split == "validation" and dataset.clips(split, audio_needed) is None:
        return None
    clips = dataset.require(split, audio_needed)
    return clips if split == "train" else heard_clips(clips, dataset.events(split))


def fit_tokenizer(config):
    """Makes the `WordTokenizer` of the training captions, including those whose sound files are missing.

    Raises:
        ConfigError: if no word is frequent enough, the decoder cannot learn the styles of the captions, or see
            `build_regularization`.
        StyleError: if no caption has the style `decoding.style`.
    """
    clips = read_clips(config, "train", audio_needed=False)
    words = config.vocabulary
    captions = [caption for clip in clips for caption in clip.captions]
    styles = sorted({clip.style for clip in clips} - {None})
    if styles and not _decoder_class(config).uses_tokens:
        raise ConfigError(
            f"decoder.kind={config.decoder.kind} cannot learn the styles {', '.join(styles)}, as its words do not "
            "depend on those before: set decoder.kind=attention, or remove `style` from data.sources and captions files"
        )
    tokenizer = WordTokenizer.from_captions(captions, words.min_count, words.max_words, words.padding, styles)
    tokenizer.style_id(config.decoding.style)  # fails now, not after training, and so does the next line
    build_constraints(config).rules(tokenizer.get_vocabulary(), tokenizer.max_words)
    if not set(range(tokenizer.vocabulary_size())) - {*tokenizer.special_ids, tokenizer.end_id}:
        raise ConfigError(
            f"no word occurs vocabulary.min_count={words.min_count} times in "
            f"{counted(len(captions), 'training caption')}: lower it"
        )
    build_regularization(config, tokenizer)  # fails now, not after all clips are embedded
    return tokenizer


def file_features(config, clips, progress=None):
    """Checks the sound files of clips and makes the features of the usable ones.

    Args:
        config: `Config`.
        clips: `ClipList`.
        progress: optional function `(what) -> (function (done, total))`.

    Returns:
        (`ClipList` of the usable clips, their `FileFeatures`).

    Raises:
        DatasetError: if no clip is usable, or if one is not and `data.on_bad_audio=fail`.
    """
    spec, before = build_spec(config), len(clips.left_out)
    clips, lengths = screen_audio(clips, config.data.max_seconds, progress and progress("Checking audio"))
    bad = clips.left_out[before:]
    if bad and (config.data.on_bad_audio == "fail" or not len(clips)):
        name, reason = bad[0]
        raise DatasetError(f"{len(bad)} unusable sound files, the first is {name}: {reason}")
    frames = [spec.output_length(resampled_length(samples, rate, spec.sample_rate)) for samples, rate in lengths]
    return clips, FileFeatures([clip.path for clip in clips], frames, spec)


def stored_features(
    config, clips, features, embedder, augmented, progress=None, make=None, in_memory=False, events=None
):
    """Reads the embeddings of clips from the embedding store, after computing those that are missing.

    Args:
        config: `Config`.
        clips: `ClipList`.
        features: `FileFeatures` of the clips.
        embedder: `FrozenEncoder`.
        augmented: bool, whether to include the SpecAugmented views that training draws from.
        progress: optional function `(what) -> (function (done, total))`.
        make: see `store_embeddings`.
        in_memory: bool, whether to keep the embeddings in memory.
        events: {name of a clip: `Scene`}; of sounds that only stand in for others, embeddings are drawn.

    Returns:
        `ViewedFeatures`.

    Raises:
        DatasetError: if the folder cannot be written, or too few clips have no sound to draw.
    """
    check_enough([embedder.output_length(int(frames)) for frames in features.lengths], clips, events, embedder)
    folder = config.data.embedding_folder or cache_folder() / "embeddings"
    augment = build_augment(config) if augmented else None
    views = config.data.stored_views() if augment else 0

    def keep(rows):
        report = progress and progress("Preparing to draw embeddings")
        rows = draw_embeddings(rows, clips, events, embedder, config.seed, report)
        return MemoryFeatures(rows, progress and progress("Reading embeddings")) if in_memory else rows

    return store_embeddings(folder, embedder, clips, features, augment, views, keep, progress, make)


def prepare_features(config, clips, embedder=None, augmented=False, progress=None, events=None):
    """Checks the sound files of clips and makes their features as configured.

    Args:
        config: `Config`.
        clips: `ClipList`.
        embedder: `FrozenEncoder` whose stored embeddings are the features; None uses spectrograms.
        augmented: see `stored_features`.
        progress: optional function `(what) -> (function (done, total))`.
        events: see `stored_features`.

    Returns:
        (`ClipList` of the usable clips, their `FileFeatures`, `MemoryFeatures` or `ViewedFeatures`).

    Raises:
        DatasetError: see `file_features`.
    """
    clips, features = file_features(config, clips, progress)
    in_memory = config.data.cache == "memory"
    if embedder is not None:
        options = {"in_memory": in_memory, "events": events}
        return clips, stored_features(config, clips, features, embedder, augmented, progress, **options)
    if in_memory:
        features = MemoryFeatures(features, progress and progress("Computing spectrograms"))
    return clips, features


def prepare_split(config, split, tokenizer, embedder=None, progress=None):
    """Prepares a split for training or validation.

    Args:
        config: `Config`.
        split: `train` or `validation`.
        tokenizer: `WordTokenizer`.
        embedder: see `prepare_features`.
        progress: optional function `(what) -> (function (done, total))`.

    Returns:
        `Split`; None if there is no such split.

    Raises:
        DatasetError: if the clips cannot be read, or their features cannot be made of them.
    """
    clips = read_clips(config, split)
    if clips is None:
        return None
    training, events = split == "train", None
    if training:
        events = build_dataset(config).events(split)
        check_drawn(events, embedder)
    clips, features = prepare_features(config, clips, embedder, training, progress, events)
    examples = make_examples(clips, tokenizer, config.data.captions_per_clip if training else "all")
    spec = build_spec(config)
    bounds = [spec.output_length(int(seconds * spec.sample_rate)) for seconds in config.data.bucket_seconds]
    if embedder is not None:
        bounds = [embedder.output_length(frames) for frames in bounds]
    return Split(clips, features, examples, bucket_boundaries(features.lengths, bounds))


def training_draw(config, features, normalization=None):
    """Returns the augmentation that training applies to clips.

    Args:
        config: `Config`.
        features: features of the clips.
        normalization: see `build_augment`.

    Returns:
        function `(clip index, seed [2]) -> features`; None does not augment.
    """
    augment = build_augment(config, normalization)
    if isinstance(features, ViewedFeatures):
        return None if augment is None else features.draw
    gain_shift = build_gain_shift(config)
    if augment is None and gain_shift is None:
        return None

    def draw(index, seed):
        loaded = features.load(index)
        if gain_shift is not None:
            # Its own random numbers: those of the masks are the seed's.
            loaded = gain_shift(loaded, seed[::-1])
        return loaded if augment is None else augment(loaded, seed)

    return draw


def build_regularization(config, tokenizer):
    """Builds the `Regularization` of training batches.

    Args:
        config: `Config`.
        tokenizer: `WordTokenizer`.

    Returns:
        `Regularization`; None if all of it is off.

    Raises:
        ConfigError: if the vocabulary, the decoder or another key does not fit it.
    """
    options, masks = config.training, config.embedding_specaugment.probability > 0
    for name in ("word_dropout", "scheduled_sampling", "embedding_dropout"):
        if getattr(options, name) and not _decoder_class(config).uses_tokens:
            raise ConfigError(
                f"training.{name} has no effect with decoder.kind={config.decoder.kind}, whose words do not depend on "
                "those before: remove it, or set decoder.kind=attention"
            )
    if options.word_dropout and tokenizer.unknown_id is None:
        raise ConfigError("training.word_dropout needs <UNK> in the vocabulary: set vocabulary.padding=<PAD>")
    if options.self_critical and (options.mixup or options.scheduled_sampling):
        raise ConfigError(
            "training.self_critical samples whole captions of single clips: set training.mixup=0 and "
            "training.scheduled_sampling=0"
        )
    if options.self_critical and options.xla and not config.data.static_shapes:
        raise ConfigError(
            "training.self_critical samples captions in a loop that XLA compiles only for batches of a known size: set "
            "data.static_shapes=true, or training.xla=false"
        )
    samples = options.self_critical_samples if options.self_critical else 0
    if not (options.mixup or masks or options.word_dropout or options.scheduled_sampling or samples):
        return None
    return Regularization(
        mixup=options.mixup,
        masks=masks,
        word_dropout=options.word_dropout,
        unknown_id=tokenizer.unknown_id,
        scheduled_sampling=options.scheduled_sampling,
        sampling_epochs=options.sampling_epochs,
        samples=samples,
    )


def _decoder_class(config):
    return typing.cast(typing.Type[Decoder], DECODERS[config.decoder.kind])
