"""Embeddings of sounds of which there are no recordings, drawn such that the network's classifier hears them."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from aac_tf.data.features import unconverted
from aac_tf.datasets import DatasetError
from aac_tf.scenes.sound_classes import sound_classes
from aac_tf.scenes.wording import categories_for
from aac_tf.utils.counting import counted

_CLIPS, _BATCH = 1000, 8  # from which the statistics are computed, and of which they are at once
# A window has a sound in it from this share of its length, and is all of it from that one.
_PARTLY, _MOSTLY = 0.1, 0.7
_FEW = 3  # classes of a sound; those of vaguer ones say little about how it sounds
_LEAST_TARGET = 30  # percentile of the logits of classes where they sound; below, the network does not hear them
_SPREAD = 0.5  # standard deviation of a class's logit between the windows of a sound
_STRONGEST = 3  # other classes of a window that are lowered
_RELATED = 0.6  # correlation of logits from which classes are not lowered, as they belong together
_RIDGE = 1e-3
# Of scores, as their logits would be infinite otherwise. Most classes score far below 1e-7 in most windows, where the
# logit must still be linear in the embedding; no float32 is this close to 1.
_LEAST_SCORE, _MOST_SCORE = np.finfo(np.float32).tiny, 1 - 1e-7


@dataclasses.dataclass(frozen=True)
class ClassStatistics:
    """How the embeddings of a network and the logits of its classes vary together.

    Args:
        kernel: float32 `[width, classes]`, and
        bias: float32 `[classes]`, regression of the logits on the embedding; YAMNet's are exactly linear.
        covariance: float32 `[classes, width]`, of the logits and the embedding.
        between: float32 `[classes, classes]`, of the logits.
        usual: float32 `[classes]`, logits that a class does not exceed where it is not heard.
        targets: {role of an event: float32 `[n]`, logits of classes in windows that are all of such an event}.
    """

    kernel: np.ndarray
    bias: np.ndarray
    covariance: np.ndarray
    between: np.ndarray
    usual: np.ndarray
    targets: dict

    @property
    def related(self):
        """Bool `[classes, classes]`, which classes belong together, as "Animal" and "Dog" do."""
        deviation = np.sqrt(np.diag(self.between)) + 1e-12
        return self.between / np.outer(deviation, deviation) >= _RELATED


class DrawnEmbeddings:
    """Embeddings of scenes, drawn at random where a sound only stands in for one of which there is no recording.

    The embedding of each window with such a sound is moved, until the classifier gives the sound's class the logit that
    classes have where they sound, and the strongest others, except those of the other sounds of the scene, are no
    stronger than usual. It is moved by the regression of embeddings on logits: if embeddings were Gaussian, the moved
    ones would be distributed as embeddings with these logits are (Matheron's rule).

    Args:
        rows: features of one or several views of the clips, row `view * clips + clip`, such as `StoredEmbeddings`.
        events: list with the `Event`s of each clip.
        embedder: `FrozenEncoder` whose embeddings the rows are.
        statistics: `ClassStatistics` of it.
        seed: int, of the random choices.

    Attributes:
        lengths: int64 numpy array, segments of each row.
        bins: int, width of an embedding.

    Reference:
        A. Journel, C. Huijbregts, Mining Geostatistics, 1978.
    """

    def __init__(self, rows, events, embedder, statistics, seed=0):
        self.lengths, self.bins = rows.lengths, rows.bins
        self._rows, self._clips, self._seed = rows, len(events), seed
        found = [(event, scene) for scene in events for event in scene if event.drawn]
        classes = [embedder.class_names.index(event.drawn) for event, _ in found]
        known, related = sound_classes(embedder.class_names), statistics.related
        kept = np.zeros((len(found), len(embedder.class_names)), bool)
        for number, (_event, scene) in enumerate(found):
            others = [other.category for other in scene if not other.drawn]
            drawn = [embedder.class_names.index(other.drawn) for other in scene if other.drawn]
            kept[number] = related[[*drawn, *_classes_of(others, known)]].any(axis=0)
        rng = np.random.default_rng(seed)
        targets = np.array([rng.choice(statistics.targets[event.role]) for event, _ in found], np.float32)
        windows = [_windows(event, embedder.segment_times, _PARTLY) for event, _ in found]
        with tf.device("CPU:0"):  # the input pipeline must not use GPU memory
            drawn = [sum(bool(event.drawn) for event in scene) for scene in events]
            self._first = tf.constant(np.concatenate([[0], np.cumsum(drawn)]), tf.int32)
            self._class, self._target, self._kept = tf.constant(classes), tf.constant(targets), tf.constant(kept)
            self._windows = tf.constant(windows)
            fields = ("kernel", "bias", "covariance", "between", "usual")
            self._statistics = {name: tf.constant(getattr(statistics, name)) for name in fields}

    def __len__(self):
        return len(self.lengths)

    def load(self, index):
        """Loads the embedding float32 `[segments, width]` of row `index`, an int tensor; for `Dataset.map`."""
        shape, clip = tf.TensorShape([None, self.bins]), tf.cast(index, tf.int32) % self._clips
        row = tf.ensure_shape(self._rows.load(index), shape)
        seed = tf.stack([self._seed, tf.cast(index, tf.int32)])
        return tf.while_loop(
            lambda event, _: event < self._first[clip + 1],
            lambda event, embedding: (event + 1, self._draw(embedding, event, seed)),
            (self._first[clip], row),
            (tf.TensorShape([]), shape),
        )[1]

    def _draw(self, embedding, event, seed):
        """The embedding `[segments, width]`, moved in the windows of an event."""
        found, chosen, count = self._statistics, self._class[event], tf.shape(embedding)[0]
        logits = embedding @ found["kernel"] + found["bias"]
        lowered = tf.math.top_k(tf.where(self._kept[event], logits.dtype.min, logits), _STRONGEST).indices
        heard = tf.concat([tf.fill([count, 1], chosen), lowered], axis=1)
        have = tf.gather(logits, heard, batch_dims=1)
        noise = tf.random.stateless_normal([count, 1], tf.random.experimental.stateless_fold_in(seed, event))
        usual = tf.minimum(have, tf.gather(found["usual"], heard))
        wanted = tf.concat([self._target[event] + _SPREAD * noise, usual[:, 1:]], axis=1)
        between = tf.gather(tf.gather(found["between"], heard), heard, axis=2, batch_dims=1)
        between += _RIDGE * found["between"][chosen, chosen] * tf.eye(1 + _STRONGEST)
        weights = tf.linalg.solve(between, (wanted - have)[..., tf.newaxis])
        step = tf.einsum("she,shw->sw", weights, tf.gather(found["covariance"], heard))
        window = tf.range(count)[:, tf.newaxis]
        inside = (window >= self._windows[event, 0]) & (window < self._windows[event, 1])
        # No embedding is negative, as it is a mean after a ReLU.
        return tf.where(inside, tf.maximum(embedding + step, 0.0), embedding)


def draw_embeddings(rows, clips, events, features, embedder, seed=0, progress=None):
    """Makes `DrawnEmbeddings` of the clips of a split, if any of them has a sound that only stands in for another.

    Args:
        rows: as for `DrawnEmbeddings`.
        clips: `ClipList`.
        events: {name of a clip: `Scene`}, as from `Dataset.events`; None if none are known.
        features: `FileFeatures` of the clips, from which the statistics are computed.
        embedder: `FrozenEncoder` whose embeddings the rows are.
        seed: int, of the random choices.
        progress: optional function `(done, total)`, of clips.

    Returns:
        `DrawnEmbeddings`, or `rows`.

    Raises:
        DatasetError: if too few clips have none of these sounds.
    """
    of_clip = [events[clip.name].events if clip.name in (events or ()) else () for clip in clips]
    if not drawn_classes(of_clip):
        return rows
    statistics = class_statistics(embedder, features, of_clip, progress)
    return DrawnEmbeddings(rows, of_clip, embedder, statistics, seed)


def drawn_classes(events):
    """The classes to draw for events, set of str.

    Args:
        events: iterable of the `Event`s of each clip.
    """
    return {event.drawn for scene in events for event in scene if event.drawn}


def check_drawn(events, embedder):
    """Checks that the embeddings of a split can be drawn, before any is computed.

    Args:
        events: as for `draw_embeddings`.
        embedder: `FrozenEncoder` whose stored embeddings are the features; None if they are others.

    Raises:
        DatasetError: if there are sounds to draw that the encoder has no classes for.
    """
    classes = drawn_classes(scene.events for scene in (events or {}).values())
    unknown = sorted(classes - set(embedder.class_names if embedder else ()))
    if unknown:
        named = ", ".join(unknown[:3]) + (", ..." if len(unknown) > 3 else "")
        raise DatasetError(
            f"the scenes have sounds without recordings ({named}), which are drawn as stored embeddings of a network "
            "with such classes: set embedding.kind=yamnet, and data.embedding_store=on if it is off, or compose scenes "
            "of a bank that was derived without --stand-ins"
        )


def class_statistics(embedder, features, events, progress=None):
    """Computes statistics from up to 1,000 clips without sounds that are stood in for.

    Args:
        embedder: `FrozenEncoder` with a classifier.
        features: `FileFeatures` of the clips.
        events: list with the `Event`s of each clip.
        progress: optional function `(done, total)`, of clips.

    Returns:
        `ClassStatistics`.

    Raises:
        DatasetError: if these clips are too few.
    """
    usable = [clip for clip, scene in enumerate(events) if not any(event.drawn for event in scene)]
    chosen = (
        [usable[place] for place in np.unique(np.linspace(0, len(usable) - 1, _CLIPS).astype(int))] if usable else []
    )
    known, targets = sound_classes(embedder.class_names), {"foreground": [], "background": []}
    windows = sum(embedder.output_length(int(features.lengths[clip])) for clip in chosen)
    if windows < 2 * embedder.width:
        raise _too_few(f"{counted(windows, 'window')}, and {2 * embedder.width} are needed")
    embeddings, logits = [], []
    for clip, embedding, scores in _embed(embedder, features, chosen):
        scores = np.clip(scores.astype(np.float64), _LEAST_SCORE, _MOST_SCORE)
        embeddings.append(embedding)
        logits.append(np.log(scores / (1 - scores)))
        for event in events[clip]:
            classes = _classes_of([event.category], known)
            heard = logits[-1][slice(*_windows(event, embedder.segment_times, _MOSTLY))]
            if 0 < len(classes) <= _FEW and len(heard):
                targets[event.role].append(heard[:, classes].max(axis=1).mean())
        if progress is not None:
            progress(len(embeddings), len(chosen))
    if not targets["foreground"]:
        raise _too_few("no sound in the foreground that the network knows")
    targets["background"] = targets["background"] or targets["foreground"]
    least = {role: np.percentile(values, _LEAST_TARGET) for role, values in targets.items()}
    embedding, logit = np.concatenate(embeddings).astype(np.float64), np.concatenate(logits)
    means = embedding.mean(axis=0), logit.mean(axis=0)
    centred, deviations = embedding - means[0], logit - means[1]
    kernel = np.linalg.lstsq(centred, deviations, rcond=1e-6)[0]
    arrays = {
        "kernel": kernel,
        "bias": means[1] - means[0] @ kernel,
        "covariance": deviations.T @ centred / len(logit),
        "between": deviations.T @ deviations / len(logit),
        "usual": means[1] + 0.5 * logit.std(axis=0),
    }
    loud = {role: np.array([value for value in values if value >= least[role]]) for role, values in targets.items()}
    return ClassStatistics(
        **{name: array.astype(np.float32) for name, array in arrays.items()},
        targets={role: values.astype(np.float32) for role, values in loud.items()},
    )


def _too_few(found):
    return DatasetError(
        "to draw embeddings of sounds that have no recordings, clips of other sounds are needed; up to "
        f"{_CLIPS:,} of them have {found}: compose more scenes, raise data.max_clips, or compose scenes of a bank that "
        "was derived without --stand-ins"
    )


def _embed(embedder, features, clips):
    """Yields (clip, embedding [segments, width], scores [segments, classes])."""

    def load(clip):
        spectrogram = features.load(clip)
        return clip, spectrogram, tf.shape(spectrogram)[0]

    signature = [tf.TensorSpec([None, None, features.bins], tf.float32), tf.TensorSpec([None], tf.int32)]
    embed = tf.function(embedder.embed_and_score, signature, autograph=False)
    batches = tf.data.Dataset.from_tensor_slices(np.array(clips, np.int64)).map(unconverted(load), tf.data.AUTOTUNE)
    for numbers, spectrograms, frames in batches.padded_batch(_BATCH).prefetch(2):
        found = (array.numpy() for array in embed(spectrograms, frames))
        for clip, embedding, scores, length in zip(numbers.numpy(), *found):
            yield clip, embedding[:length], scores[:length]


def _classes_of(categories, known):
    """Numbers of the classes of sounds and of their kinds."""
    names = {name for category in categories for name in categories_for(category, known.categories)}
    return [number for name in sorted(names) for number in known.classes[known.categories.index(name)]]


def _windows(event, segment_times, share):
    """First and last windows of an event, exclusive: those with it in more than a share, or half of it if it is short.

    A window is twice as long as the hop.
    """
    middle, hop = segment_times
    least = min(2 * hop * share, (event.offset - event.onset) / 2)
    first = (event.onset + least - hop - middle) / hop
    last = (event.offset - least + hop - middle) / hop
    return max(0, math.floor(first) + 1), max(0, math.ceil(last))
