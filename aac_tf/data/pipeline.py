"""The tf.data pipelines of training, validation and captioning."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from aac_tf.data.features import unconverted
from aac_tf.models.loss import position_weights


@dataclasses.dataclass
class Examples:
    """Training examples: a clip with one caption, or a clip with all its captions.

    Attributes:
        clip: int64 `[examples]`, index of each example's clip.
        tokens: int32 `[examples, words + 2]`, or `[examples, captions, words + 2]` with all captions of a clip.
        words: int32 `[examples]` or `[examples, captions]`, number of tokens that are not padding; 0 for captions that
            fill up clips with fewer captions than others.
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
        captions_per_clip: str; `one`: each caption is an example; `all`: each clip is.

    Returns:
        `Examples`.
    """
    counts = [len(clip.captions) for clip in clips]
    texts = [text for clip in clips for text in clip.captions]
    styles = [tokenizer.known_style(clip.style) for clip in clips for _ in clip.captions]
    tokens, words = (x.numpy() for x in tokenizer.encode(texts, styles))
    owner = np.repeat(np.arange(len(clips)), counts)
    times = np.array([clip.weight for clip in clips])
    if captions_per_clip == "one":
        rows = np.repeat(np.arange(len(owner)), times[owner])
        return Examples(owner[rows], tokens[rows], words[rows])
    position = np.concatenate([np.arange(count) for count in counts])
    grid = np.full((len(clips), max(counts), tokens.shape[1]), tokenizer.pad_id, np.int32)
    grid_words = np.zeros(grid.shape[:2], np.int32)
    grid[owner, position], grid_words[owner, position] = tokens, words
    rows = np.repeat(np.arange(len(clips)), times)
    return Examples(rows, grid[rows], grid_words[rows])


def bucket_boundaries(lengths, frames):
    """Computes the upper bounds of the length buckets, in frames.

    Args:
        lengths: list of int, frames of each clip.
        frames: list of int, configured upper bounds.

    Returns:
        list of int, the bounds below the length of the longest clip, and that length.

    Example:
        >>> from aac_tf.data.pipeline import bucket_boundaries
        >>> bucket_boundaries([5, 12, 30], [8, 16, 99])
        [8, 16, 30]
    """
    longest = int(max(lengths))
    return [bound for bound in sorted(set(frames)) if bound < longest] + [longest]


def steps_per_epoch(examples, features, boundaries, batch_size):
    """Computes the number of batches that `training_batches` has in each epoch; arguments as there."""
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
    static_shapes=False,
    first_epoch=0,
    first_step=0,
    context=None,
    style_dropout=0.0,
    start_id=None,
    regularization=None,
    references=None,
):
    """Makes batches of training examples, endlessly, epoch after epoch.

    Order and augmentation depend only on the seed, the epoch and the example, so a run that starts at `first_step` of
    `first_epoch` continues exactly as an uninterrupted one.

    Args:
        examples: `Examples`.
        features: `FileFeatures`, `MemoryFeatures` or `ViewedFeatures`.
        boundaries: list of int from `bucket_boundaries`; all clips of a batch are in the same bucket.
        batch_size: int, examples per batch, on all replicas together.
        word_weights: float `[vocabulary]`, weight of each word in the loss; None weights all words equally.
        seed: int.
        draw: function `(clip index, seed [2]) -> features [time, bins]` that augments; None does not augment.
        static_shapes: bool. False pads a batch to its longest clip and caption. True pads it to the boundary of its
            bucket, to the full width of the tokens and, with rows of zero weight, to `batch_size`, so that XLA compiles
            only one program per bucket.
        first_epoch: int.
        first_step: int, number of batches of the first epoch to skip; their clips are not read.
        context: `tf.distribute.InputContext`. The elements are then the shares of this pipeline's replicas in turn, and
            only their clips are read. A batch that cannot be split evenly is filled up with rows of zero weight.
        style_dropout: float, fraction of the examples that start with `start_id` instead of their style, others in each
            epoch.
        start_id: int, id of `<START>`; needed if `style_dropout` is not 0.
        regularization: `Regularization`, which changes the inputs and adds further ones; None does neither.
        references: int `[clips, captions, words]`; those of each example's clip become a further input. None adds none.

    Returns:
        `tf.data.Dataset` of (inputs, targets, weights): inputs as `CaptioningModel` takes them; `targets` int32, the
        next words; `weights` float32, 0 for padding, scaled so that Keras' mean over all positions of the batch is the
        mean over its words, for any amount of padding and any number of replicas.
    """
    count = tf.constant(len(examples), tf.int64)
    lengths = tf.constant(features.lengths[examples.clip], tf.int32)

    @unconverted
    def epoch_rows(epoch):
        epoch_seed = tf.random.experimental.stateless_fold_in(tf.constant([seed, 0], tf.int32), epoch)

        def shuffled(position):
            row = tf.random.experimental.index_shuffle(position, epoch_seed, count - 1)
            example = {"row": row, "seed": tf.random.experimental.stateless_fold_in(epoch_seed, row)}
            if style_dropout:
                rank = tf.random.experimental.index_shuffle(position, epoch_seed[::-1], count - 1)
                share = tf.cast(rank, tf.float32) < style_dropout * tf.cast(count, tf.float32)
                example["start"] = tf.where(share, start_id, -1)
            if regularization is not None:
                shape = [*examples.tokens.shape[1:-1], examples.tokens.shape[-1] - 1]
                example |= regularization.draw(example["seed"], epoch, shape)
            return example

        # Batches of row numbers, so that a replica does not read the clips of others.
        return (
            tf.data.Dataset.range(count)
            .map(shuffled)
            .bucket_by_sequence_length(
                lambda example: lengths[example["row"]],
                # An element goes to the first bucket whose boundary is above its length.
                bucket_boundaries=[bound + 1 for bound in boundaries],
                bucket_batch_sizes=[batch_size] * (len(boundaries) + 1),
            )
        )

    batches = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max).flat_map(epoch_rows).skip(first_step)
    plan = _Plan(features, boundaries if static_shapes else None, batch_size, context)
    return _load_examples(batches, examples, plan, draw, word_weights, regularization, references)


def validation_batches(
    examples, features, batch_size, word_weights=None, boundaries=(), static_shapes=False, context=None
):
    """Makes batches of one pass over examples, sorted by length; arguments and elements as in `training_batches`."""
    order = np.argsort(features.lengths[examples.clip], kind="stable")
    rows = {"row": order, "seed": np.zeros([len(order), 2], np.int32)}
    plan = _Plan(features, boundaries if static_shapes else None, batch_size, context)
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(batch_size)
    return _load_examples(batches, examples, plan, None, word_weights)


def clip_batches(features, batch_size, boundaries=(), static_shapes=False, context=None):
    """Makes batches of one pass over all clips, sorted by length; arguments as in `training_batches`.

    Returns:
        `tf.data.Dataset` of dicts: `clip` int64 `[batch]`, index of the clip, or -1 for rows that fill up the batch;
        `features` float32 `[batch, time, bins]`; `length` int32 `[batch]`.
    """
    plan = _Plan(features, boundaries if static_shapes else None, batch_size, context)
    order = np.argsort(features.lengths, kind="stable")
    batches = tf.data.Dataset.from_tensor_slices({"clip": order}).batch(batch_size)

    @unconverted
    def shares(batch):
        return plan.shares(batch, {"frames": plan.frames(batch["clip"])})

    @unconverted
    def load(share):
        loaded, length = plan.load(share["clip"], lambda row: features.load(share["clip"][row]), share["frames"])
        return {"clip": share["clip"], "features": loaded, "length": length}

    return batches.flat_map(shares).map(load, tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def _load_examples(batches, examples, plan, draw, word_weights, regularization=None, references=None):
    """Turns batches of row numbers and seeds into batches of examples."""
    clip, tokens, words = (tf.constant(x) for x in (examples.clip, examples.tokens, examples.words))
    captions = 1 if tokens.shape.rank == 2 else tokens.shape[1]

    @unconverted
    def shares(batch):
        targets = tf.maximum(tf.gather(words, batch["row"]) - 1, 0)
        # All replicas pad to the same width, otherwise the mean of their means is not that of the whole batch.
        width = tokens.shape[-1] - 1 if plan.static else tf.reduce_max(targets)
        positions = plan.rows(batch["row"]) * captions * width
        common = {
            "width": width,
            "positions": positions,
            "total": tf.reduce_sum(targets),
            "frames": plan.frames(tf.gather(clip, batch["row"])),
        }
        return plan.shares(batch, common)

    @unconverted
    def load(share):
        row, filled = tf.maximum(share["row"], 0), share["row"] >= 0
        index = tf.where(filled, tf.gather(clip, row), -1)

        def load_row(number):
            if draw is None:
                return plan.features.load(index[number])
            return draw(index[number], share["seed"][number])

        loaded, length = plan.load(index, load_row, share["frames"])
        texts = tf.gather(tokens, row)[..., : share["width"] + 1]
        if "start" in share:
            start = tf.reshape(share["start"], [-1] + [1] * (tokens.shape.rank - 1))
            texts = tf.concat([tf.where(start < 0, texts[..., :1], start), texts[..., 1:]], -1)
        counts = tf.where(tf.reshape(filled, [-1] + [1] * (words.shape.rank - 1)), tf.gather(words, row), 0)
        if plan.static:
            texts = tf.ensure_shape(texts, [None, *tokens.shape[1:]])
        targets = texts[..., 1:]
        weights = position_weights(targets, counts - 1, share["positions"], share["total"], word_weights)
        inputs = {"features": loaded, "length": length, "tokens": texts[..., :-1]}
        if regularization is not None:
            inputs = regularization.apply(share, inputs, tf.maximum(counts - 1, 0), filled)
        if references is not None:
            inputs["references"] = tf.gather(tf.constant(references), tf.maximum(index, 0))
        return inputs, targets, weights

    return batches.flat_map(shares).map(load, tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


class _Plan:
    """Splits batches of row numbers between replicas, and loads and pads their features.

    Args:
        features: features that rows are loaded from.
        boundaries: list of int, lengths that batches of static shapes are padded to; None pads to the longest clip.
        batch_size: int, number of rows of batches of static shapes.
        context: `tf.distribute.InputContext`, or None.
    """

    def __init__(self, features, boundaries, batch_size, context):
        self.features = features
        self.static = boundaries is not None
        self._boundaries = tf.constant(boundaries if self.static else [], tf.int64)
        self._batch_size = batch_size
        self._replicas = 1 if context is None else context.num_replicas_in_sync
        self._pipelines = 1 if context is None else context.num_input_pipelines
        self._pipeline = 0 if context is None else context.input_pipeline_id

    def rows(self, row):
        """Number of rows of the filled-up batch, on all replicas; an int for static shapes."""
        return self._each(row) * self._replicas

    def _each(self, row):
        return -(-(self._batch_size if self.static else tf.shape(row)[0]) // self._replicas)

    def frames(self, clip):
        """Number of frames that a batch of clips is padded to; -1 for that of its longest clip."""
        if not self.static:
            return tf.constant(-1, tf.int64)
        longest = tf.reduce_max(tf.gather(tf.constant(self.features.lengths), clip))
        return self._boundaries[tf.searchsorted(self._boundaries, longest[tf.newaxis])[0]]

    def shares(self, batch, common):
        """Splits a batch into a dataset of the shares of this pipeline's replicas, filled up with -1.

        Args:
            batch: dict of int `[rows, ...]`.
            common: dict of values that all shares get.
        """
        each, replicas = self._each(next(iter(batch.values()))), self._replicas

        def split(values):
            missing = each * replicas - tf.shape(values)[0]
            values = tf.pad(values, [[0, missing]] + [[0, 0]] * (values.shape.rank - 1), constant_values=-1)
            return tf.reshape(values, [replicas, each, *values.shape[1:]])

        parts = {name: split(values) for name, values in batch.items()}
        parts |= {name: tf.repeat(tf.convert_to_tensor(value)[tf.newaxis], replicas) for name, value in common.items()}
        own = replicas // self._pipelines
        return tf.data.Dataset.from_tensor_slices(parts).skip(own * self._pipeline).take(own)

    def load(self, index, load, frames):
        """Loads the features float32 `[rows, time, bins]` of a share, and their lengths int32 `[rows]`.

        Args:
            index: int64 `[rows]`, indices of clips; -1 for rows that fill up, which get one frame of zeros.
            load: function from the number of a row to its features.
            frames: int64, from `frames`.
        """
        bins = self.features.bins

        def load_or_fill(row):
            loaded = tf.cond(index[row] < 0, lambda: tf.zeros([1, bins]), lambda: load(row))
            return tf.ensure_shape(loaded, [None, bins]), tf.shape(loaded)[0]

        size = tf.shape(index, tf.int64)[0]
        rows = tf.data.Dataset.range(size).map(load_or_fill)
        loaded, length = rows.padded_batch(size, (tf.stack([frames, bins]), [])).get_single_element()
        return tf.ensure_shape(loaded, [*index.shape, None, bins]), tf.ensure_shape(length, index.shape)
