"""Compiled functions for captions over time, which `Captioner.timeline` and exported models share."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from aac_tf.decoding.function_words import FUNCTION_WORDS
from aac_tf.inference.graphs import STARTS, search_function
from aac_tf.inference.partition import partition
from aac_tf.inference.sounds import SILENCE
from aac_tf.scenes.mentions import find_mentions

# Chosen on composed recordings, see docs/results.md.
PENALTY = 1.6  # cost of a segment, in squared distances of cells, whose norm is 1
NEWEST_PENALTIES = (1.0, 0.8)  # of the last segment of an ongoing sound, while it has one or two cells
SCORE_WEIGHT = 0.5  # of the scores of the classifier beside the embedding
LONGEST_SECONDS = 10.0  # of a window; what lasts longer is captioned in several, which are merged if they agree
CELL_SECONDS = 0.48  # resolution of boundaries; a frozen encoder with longer segments has its own
SILENT_BELOW_DB = 55.0  # below the loudest cell
SILENT_SECONDS = 1.44  # shorter pauses, such as those between words, belong to the sound
SILENT_SCORE = 0.5  # of YAMNet's class `Silence`
BATCH_WINDOWS = 64
NOTHING_BEFORE = -1000.0  # dB, the loudest level before a sound begins
_ABOVE_DIGITAL_DB = 3.0  # above a frame of zeros, below which a cell is silent, too
_LEAD = 2  # maximum number of silent rows before a window
_APART = 2.0  # distance of silence from all sounds


@dataclasses.dataclass(frozen=True)
class Cells:
    """How the inputs of a model's encoder are grouped into cells, the unit of boundaries.

    Attributes:
        rows: int, inputs of the encoder per cell.
        first: float, seconds, centre of the first cell.
        hop: float, seconds from one cell to the next.
    """

    rows: int
    first: float
    hop: float

    @classmethod
    def of(cls, model, spec):
        """The cells of a `CaptioningModel` whose input has the `SpectrogramSpec`."""
        first, hop = spec.frame_times if model.embedder is None else model.embedder.segment_times
        rows = max(1, round(CELL_SECONDS / hop))
        return cls(rows, first + (rows - 1) * hop / 2, rows * hop)

    def edges(self, cells, count, seconds):
        """The times of the beginnings of cells, in seconds.

        Args:
            cells: int tensor `[...]`, from 0 to `count`.
            count: int tensor, number of cells.
            seconds: float tensor, length of the sound.

        Returns:
            float32 `[...]`, from 0 to `seconds`.
        """
        times = self.first + (tf.cast(cells, tf.float32) - 0.5) * self.hop
        # The last cell may extend beyond the sound.
        times = tf.where(cells <= 0, 0.0, tf.where(cells >= count, seconds, times))
        return tf.clip_by_value(times, 0.0, seconds)


class TimelineGraph:
    """The stages of captions over time, as compiled functions.

    Args:
        captioner: `Captioner` of a single model.
        search: `Search`.
        rules: dict of `Constraints.rules`.

    Attributes:
        cells: `Cells`.
        plan: from the results of `hear`, the features and the level of the loudest frame before them (`NOTHING_BEFORE`
            or float32, dB) to windows: the first row, the row after the last, and whether it is silent, int32, int32
            and bool `[windows]`; and the level of the loudest frame so far. They follow each other without gaps.
        plan_on: as `plan`, for an ongoing sound: its last segment costs `NEWEST_PENALTIES` while it is short.
        change: from results of `hear` and a row, int32 scalar, to the squared distances, float32 scalar, that a
            boundary at this row saves, to compare with `PENALTY`.
        describe: from the inputs of the encoder, first and last rows int32 `[windows]` and `start` int32 `[windows]` as
            in `search_function`, to tokens int32 `[windows, words]` and log-probabilities float32 `[windows]` of the
            best captions, and the encoder steps and their numbers. A caption of function words alone is empty, with 0.
        merge: from silent bool, tokens and log-probabilities of all windows, to the number of the segment of each
            window, int32 `[windows]`, and the window whose caption each segment has, int32 `[segments]`.
    """

    def __init__(self, captioner, search, rules):
        model = captioner.model
        self._captioner = captioner
        self.cells = Cells.of(model, captioner.spec)
        names = captioner.class_names
        self._silence = names.index(SILENCE) if SILENCE in names else None
        self._find = search_function(model, captioner.vocabulary, search, rules)
        self._kinds = _kinds_of_words(captioner.vocabulary)
        self._says = _says_something(captioner.vocabulary)
        self._padding = _silence(model, captioner.spec)
        width = captioner.spec.num_bins if model.embedder is None else model.embedder.width
        features = tf.TensorSpec([None, captioner.spec.num_bins], tf.float32)
        rows, scores = tf.TensorSpec([None, width], tf.float32), tf.TensorSpec([None, len(names)], tf.float32)
        some, numbers = tf.TensorSpec([None], tf.bool), tf.TensorSpec([None], tf.float32)
        words = tf.TensorSpec([None, captioner.vocabulary.max_words + 1], tf.int32)

        def compiled(function, *signature):
            return tf.function(function, list(signature), autograph=False)

        level = tf.TensorSpec([], tf.float32)
        self.plan = compiled(self._plan, rows, scores, features, level)
        self.plan_on = compiled(functools.partial(self._plan, newest=NEWEST_PENALTIES), rows, scores, features, level)
        self.change = compiled(self._change, rows, scores, tf.TensorSpec([], tf.int32))
        self.describe = compiled(self._describe, rows, STARTS, STARTS, STARTS)
        self.merge = compiled(self._merge, some, words, numbers)

    def describe_all(self, features, seconds, start):
        """All stages, in the graph of an exported model.

        Args:
            features: float32 `[frames, bins]`.
            seconds: float32 scalar, length of the sound.
            start: int32 scalar, id of the token before the first words.

        Returns:
            Begin and end in seconds, float32 `[segments]`; tokens int32 `[segments, words]` and log-probabilities
            float32 `[segments]`, 0 for silence.
        """
        rows, scores = self.hear(features)
        begin, end, silent, _ = self.plan(rows, scores, features, NOTHING_BEFORE)
        vocabulary = self._captioner.vocabulary
        heard = tf.cast(tf.where(~silent)[:, 0], tf.int32)
        count = tf.size(heard)
        # At least one window: TensorFlow cannot stack the results of no batch.
        some = tf.maximum(count, 1)
        size = tf.minimum(some, BATCH_WINDOWS)
        index = tf.minimum(tf.range((some + size - 1) // size * size), some - 1)

        def describe(batch):
            return self.describe(rows, tf.gather(begin, batch), tf.gather(end, batch), tf.fill([size], start))[:2]

        words = tf.TensorSpec([None, vocabulary.max_words + 1], tf.int32)
        found, values = tf.map_fn(
            describe,
            tf.reshape(tf.gather(tf.pad(heard, [[0, some - count]]), index), [-1, size]),
            fn_output_signature=(words, tf.TensorSpec([None], tf.float32)),
            parallel_iterations=1,
        )
        windows = tf.size(begin)
        tokens = tf.fill([windows, vocabulary.max_words + 1], vocabulary.end_id)
        found = tf.reshape(found, [-1, vocabulary.max_words + 1])[:count]
        tokens = tf.tensor_scatter_nd_update(tokens, heard[:, tf.newaxis], found)
        values = tf.reshape(values, [-1])[:count]
        log_probs = tf.tensor_scatter_nd_update(tf.zeros([windows]), heard[:, tf.newaxis], values)
        silent |= tf.reduce_all(tokens == vocabulary.end_id, axis=1)
        segment, chosen = self.merge(silent, tokens, log_probs)
        first = tf.math.segment_min(begin, segment) // self.cells.rows
        cells = (tf.shape(rows)[0] + self.cells.rows - 1) // self.cells.rows
        edges = self.cells.edges(tf.concat([first, cells[tf.newaxis]], axis=0), cells, seconds)
        return edges[:-1], edges[1:], tf.gather(tokens, chosen), tf.gather(log_probs, chosen)

    def hear(self, features):
        """Runs the frozen network.

        Args:
            features: float32 `[frames, bins]`.

        Returns:
            The inputs of the encoder, float32 `[rows, width]`, and the scores of the classifier, float32 `[rows,
            classes]`, with 0 classes if there is none.
        """
        rows, scores, _ = self._captioner.embed(tf.expand_dims(features, 0), tf.shape(features)[:1])
        return rows[0], scores[0]

    def _plan(self, rows, scores, features, loudest, newest=()):
        size = self.cells.rows
        described = self._described(rows, scores)
        level = self._levels(features, tf.shape(described)[0], loudest <= NOTHING_BEFORE)
        loudest = tf.maximum(loudest, tf.reduce_max(level))
        silent = self._silent(scores, level, loudest)
        apart = _APART * tf.cast(silent, tf.float32)[:, tf.newaxis]
        described = tf.concat([tf.where(silent[:, tf.newaxis], 0.0, described), apart], axis=1)
        longest = max(1, round(LONGEST_SECONDS / self.cells.hop))
        bounds = partition(described, PENALTY, longest, newest[:longest])
        quiet = tf.concat([[0], tf.cumsum(tf.cast(silent, tf.int32))], axis=0)
        quiet = tf.gather(quiet, bounds)
        quiet = 2 * (quiet[1:] - quiet[:-1]) > bounds[1:] - bounds[:-1]
        bounds = tf.minimum(bounds * size, tf.shape(rows)[0])
        return bounds[:-1], bounds[1:], quiet, loudest

    def _described(self, rows, scores):
        rows = _normed(rows) if self._captioner.model.embedder is not None else _standardized(rows)
        return _means(tf.concat([rows, SCORE_WEIGHT * scores], axis=1), self.cells.rows)

    def _change(self, rows, scores, bound):
        described, bound = self._described(rows, scores), bound // self.cells.rows
        before, after = described[:bound], described[bound:]
        counts = [tf.cast(tf.shape(part)[0], tf.float32) for part in (before, after)]
        distance = tf.reduce_sum(tf.square(tf.reduce_mean(before, axis=0) - tf.reduce_mean(after, axis=0)))
        return distance * counts[0] * counts[1] / (counts[0] + counts[1])

    def _silent(self, scores, level, loudest):
        """Whether each cell is silent, bool `[cells]`, from the levels of the cells in dB."""
        digital = self._decibels(tf.fill([1, 1], self._captioner.spec.silence))
        silent = level < tf.maximum(loudest - SILENT_BELOW_DB, digital + _ABOVE_DIGITAL_DB)
        if self._silence is not None:
            silent |= _means(scores[:, self._silence : self._silence + 1], self.cells.rows)[:, 0] >= SILENT_SCORE
        return _without_short(silent, max(1, round(SILENT_SECONDS / self.cells.hop)))

    def _levels(self, features, count, begins):
        """The level of the loudest frame of each cell in dB, float32 `[count]`; `begins`: whether the sound begins."""
        first, hop = self._captioner.spec.frame_times
        size = max(1, round(self.cells.hop / hop))
        before = max(0, round((self.cells.first - self.cells.hop / 2 - first) / hop))
        levels = self._decibels(features)
        # The first cell of a sound has the frames before it, too; otherwise they belong to another one.
        start = tf.where(begins, tf.reduce_max(levels[: before + 1]), levels[before])
        levels = tf.concat([start[tf.newaxis], levels[before + 1 :]], axis=0)
        short = tf.maximum(count * size - tf.shape(levels)[0], 0)
        levels = tf.pad(levels, [[0, short]], constant_values=-180.0)
        return tf.reduce_max(tf.reshape(levels[: count * size], [count, size]), axis=1)

    def _decibels(self, features):
        """The level of each frame in dB, float32 `[frames]`, from logarithms of magnitudes or powers."""
        spec = self._captioner.spec
        magnitude = tf.reduce_mean(tf.exp(features) - spec.log_offset, axis=1)
        return 20 / spec.power * tf.math.log(tf.maximum(magnitude, 1e-9)) / np.log(10.0)

    def _describe(self, rows, begin, end, start):
        length, lead = end - begin, tf.zeros_like(begin)
        if self._padding is not None:
            shortest = round(LONGEST_SECONDS / self.cells.hop)
            lead = tf.minimum(_LEAD, tf.maximum(shortest - length, 0) // 2)
            length = tf.maximum(length, shortest)
        index = tf.range(tf.reduce_max(length)) + (begin - lead)[:, tf.newaxis]
        windows = tf.gather(rows, tf.clip_by_value(index, 0, tf.shape(rows)[0] - 1))
        if self._padding is not None:
            inside = (index >= begin[:, tf.newaxis]) & (index < end[:, tf.newaxis])
            windows = tf.where(inside[..., tf.newaxis], windows, self._padding)
        encoded, steps = self._captioner.model.encode_embedded(windows, length)
        found = self._find(encoded, steps, start=start)
        tokens, log_probs = found.tokens[:, 0], found.log_probs[:, 0]
        # In noise, a caption may be "a and a".
        says = tf.reduce_any(tf.gather(self._says, tokens), axis=1)
        end_id = self._captioner.vocabulary.end_id
        return tf.where(says[:, tf.newaxis], tokens, end_id), tf.where(says, log_probs, 0.0), encoded, steps

    def _merge(self, silent, tokens, log_probs):
        kinds = tf.gather(self._kinds, tokens)
        named = tf.reduce_max(tf.one_hot(kinds, int(self._kinds.max()) + 1), axis=1)[:, 1:]
        alike = tf.reduce_all(tf.equal(named[1:], named[:-1]), axis=1) & tf.reduce_any(named[1:] > 0, axis=1)
        same = alike | tf.reduce_all(tf.equal(tokens[1:], tokens[:-1]), axis=1)
        same = tf.where(silent[1:] | silent[:-1], silent[1:] & silent[:-1], same)
        segment = tf.concat([[0], tf.cumsum(tf.cast(~same, tf.int32))], axis=0)
        count = segment[-1] + 1
        best = tf.gather(tf.math.unsorted_segment_max(log_probs, segment, count), segment)
        index = tf.range(tf.shape(segment)[0])
        first = tf.math.unsorted_segment_min(tf.where(log_probs >= best, index, index.dtype.max), segment, count)
        return segment, first


def _silence(model, spec):
    """The embedding of silence, float32 `[width]`, with which short windows are padded; None without a frozen encoder.

    On composed recordings, this lowered the number of sounds that are named but not there by a fifth. Spectrograms are
    not padded, as digital silence is unlike any recording.
    """
    if model.embedder is None:
        return None
    with tf.init_scope():  # once, not in the graph of an exported model
        frames = tf.fill([1, spec.segment_length or 1, spec.num_bins], spec.silence)
        return model.embed_and_score(frames, tf.shape(frames)[1:2])[0][0, 0].numpy()


def _kinds_of_words(vocabulary):
    """The kind of sound that each word of the vocabulary names, int32 `[vocabulary]`; 0 for none."""
    kinds, numbers = [], {}
    for word in vocabulary.get_vocabulary():
        found = find_mentions([word])
        kinds.append(numbers.setdefault(found[0][2], len(numbers) + 1) if found else 0)
    return np.array(kinds, np.int32)


def _says_something(vocabulary):
    """Whether each word says something about a sound, bool `[vocabulary]`; function words and special tokens do not."""
    words = vocabulary.get_vocabulary()
    silent = {vocabulary.end_id, *vocabulary.special_ids}
    return np.array([index not in silent and word not in FUNCTION_WORDS for index, word in enumerate(words)])


def _normed(rows):
    return tf.math.l2_normalize(rows, axis=-1)


def _standardized(rows):
    """Rows with zero mean and, on average, a norm of 1."""
    rows -= tf.reduce_mean(rows, axis=0)
    return rows * tf.math.rsqrt(tf.reduce_mean(tf.reduce_sum(tf.square(rows), axis=1)) + 1e-9)


def _without_short(cells, shortest):
    """`cells` without runs of true cells shorter than `shortest`; cells beyond both ends count as true."""
    false = tf.cast(~tf.pad(cells, [[shortest - 1, shortest - 1]], constant_values=True), tf.float32)
    starts = tf.nn.max_pool1d(false[tf.newaxis, :, tf.newaxis], shortest, 1, "VALID") < 0.5
    return tf.nn.max_pool1d(tf.cast(starts, tf.float32), shortest, 1, "VALID")[0, :, 0] > 0.5


def _means(rows, size):
    """Means of `size` rows each, of fewer at the end."""
    count = tf.shape(rows)[0]
    cells = (count + size - 1) // size
    sums = tf.math.segment_sum(rows, tf.range(count) // size)
    sizes = tf.minimum(size, count - size * tf.range(cells))
    return sums / tf.cast(sizes, tf.float32)[:, tf.newaxis]
