"""Batches: the tf.data pipelines of training, validation and captioning."""

import dataclasses
import math

import numpy as np
import tensorflow as tf


@dataclasses.dataclass
class Examples:
    """What is learnt from: a clip and one caption, or a clip and all its captions.

    Attributes:
        clip: int64 [examples], index of each example's clip.
        tokens: int32 [examples, words + 2], or [examples, captions, words + 2] with all captions of a clip.
        words: int32 [examples] or [examples, captions]: tokens that are not padding; 0 where a clip has fewer captions.
    """

    clip: np.ndarray
    tokens: np.ndarray
    words: np.ndarray

    def __len__(self):
        return len(self.clip)


def make_examples(clips, tokenizer, captions_per_clip="one"):
    """Tokenizes the captions of clips.

    Args:
        clips: `ClipList`.
        tokenizer: `WordTokenizer`.
        captions_per_clip: `"one"`: every caption is an example; `"all"`: every clip is.

    Returns:
        `Examples`.
    """
    counts = [len(clip.captions) for clip in clips]
    tokens, words = (x.numpy() for x in tokenizer.encode([text for clip in clips for text in clip.captions]))
    owner = np.repeat(np.arange(len(clips)), counts)
    if captions_per_clip == "one":
        return Examples(owner, tokens, words)
    position = np.concatenate([np.arange(count) for count in counts])
    grid = np.full((len(clips), max(counts), tokens.shape[1]), tokenizer.pad_id, np.int32)
    grid_words = np.zeros(grid.shape[:2], np.int32)
    grid[owner, position], grid_words[owner, position] = tokens, words
    return Examples(np.arange(len(clips)), grid, grid_words)


def bucket_boundaries(lengths, frames):
    """Upper bounds, in frames, of the buckets that are in use: those of `frames` below the longest clip, and that."""
    longest = int(max(lengths))
    return [bound for bound in sorted(set(frames)) if bound < longest] + [longest]


def steps_per_epoch(examples, features, boundaries, batch_size):
    """Number of batches of an epoch of `training_batches`; the order of the examples does not change it."""
    bucket = np.searchsorted(boundaries, features.lengths[examples.clip])
    return int(sum(math.ceil(count / batch_size) for count in np.bincount(bucket)))


def training_batches(
    examples,
    features,
    boundaries,
    batch_size,
    word_weights=None,
    seed=0,
    draw=None,
    fixed_shapes=False,
    first_epoch=0,
):
    """Endless batches of training examples, epoch after epoch.

    Order and augmentation are functions of the seed, the epoch and the example alone, so that a run that starts at
    `first_epoch` sees what an uninterrupted one would have.

    Args:
        examples: `Examples`.
        features: `FileFeatures`, `MemoryFeatures` or `ViewedFeatures`.
        boundaries: list of int from `bucket_boundaries`; a batch holds clips of one bucket.
        batch_size: int.
        word_weights: float [vocabulary], weight of each word in the loss; None weights all alike.
        seed: int.
        draw: function `(clip index, seed [2]) -> features [time, bins]` that augments; None takes clips as they are.
        fixed_shapes: bool; False pads a batch to its longest clip and caption, True to its bucket's boundary and to the
            tokens' full width (a TPU compiles a program for every shape it meets).
        first_epoch: int.

    Returns:
        `tf.data.Dataset` of (inputs, targets, weights): inputs as `CaptioningModel` takes them; `targets` int32, the
        next words; `weights` float32, 0 for padding, scaled so that Keras' mean over all positions of the batch is the
        mean over its words, however much padding there is and on however many replicas the batch is spread.
    """
    load, count = _loader(examples, features, draw), tf.constant(len(examples), tf.int64)

    def epoch_batches(epoch):
        epoch_seed = tf.random.experimental.stateless_fold_in(tf.constant([seed, 0], tf.int32), epoch)

        def example(position):
            index = tf.random.experimental.index_shuffle(position, epoch_seed, count - 1)
            return load(index, tf.random.experimental.stateless_fold_in(epoch_seed, index))

        return (
            tf.data.Dataset.range(count)
            .map(example, tf.data.AUTOTUNE, deterministic=True)
            .bucket_by_sequence_length(
                lambda clip: clip["length"],
                # An element goes to the first bucket whose boundary it is below, and is padded to the boundary less 1.
                bucket_boundaries=[bound + 1 for bound in boundaries],
                bucket_batch_sizes=[batch_size] * (len(boundaries) + 1),
                pad_to_bucket_boundary=fixed_shapes,
            )
        )

    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max).flat_map(epoch_batches)
    return epochs.map(lambda batch: _with_targets(batch, word_weights, not fixed_shapes)).prefetch(tf.data.AUTOTUNE)


def validation_batches(examples, features, batch_size, word_weights=None):
    """One pass over examples in order of length; arguments and elements as in `training_batches`."""
    dataset = tf.data.Dataset.from_tensor_slices(np.argsort(features.lengths[examples.clip], kind="stable"))
    dataset = dataset.map(_loader(examples, features), tf.data.AUTOTUNE, deterministic=True).padded_batch(batch_size)
    return dataset.map(lambda batch: _with_targets(batch, word_weights, trim=True)).prefetch(tf.data.AUTOTUNE)


def clip_batches(features, batch_size):
    """One pass over all clips in order of length: dicts of `clip` (its index), `features` and `length`."""

    def load(index):
        found = features.load(index)
        return {"clip": index, "features": found, "length": tf.shape(found)[0]}

    dataset = tf.data.Dataset.from_tensor_slices(np.argsort(features.lengths, kind="stable"))
    return dataset.map(load, tf.data.AUTOTUNE).padded_batch(batch_size).prefetch(tf.data.AUTOTUNE)


def _loader(examples, features, draw=None):
    clip, tokens, words = (tf.constant(x) for x in (examples.clip, examples.tokens, examples.words))

    def load(index, seed=None):
        found = features.load(clip[index]) if draw is None else draw(clip[index], seed)
        return {"features": found, "length": tf.shape(found)[0], "tokens": tokens[index], "words": words[index]}

    return load


def _with_targets(batch, word_weights, trim):
    tokens, words = batch.pop("tokens"), batch.pop("words")
    if trim:
        tokens = tokens[..., : tf.reduce_max(words)]
    targets = tokens[..., 1:]
    # Keras divides by the number of positions; the loss is a mean over words.
    weights = tf.sequence_mask(words - 1, tf.shape(targets)[-1], dtype=tf.float32)
    weights *= tf.cast(tf.size(weights), tf.float32) / tf.reduce_sum(weights)
    if word_weights is not None:
        weights *= tf.gather(tf.constant(word_weights, tf.float32), targets)
    return {**batch, "tokens": tokens[..., :-1]}, targets, weights
