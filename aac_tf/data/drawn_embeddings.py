"""Embeddings of sounds with no or few recordings, drawn so that the network's classifier hears the sounds."""

import numpy as np
import tensorflow as tf

from aac_tf.data.class_statistics import class_statistics, classes_of, clips_for_statistics, windows_of
from aac_tf.datasets import DatasetError
from aac_tf.scenes.sound_classes import sound_classes

_PARTLY = 0.1  # a window has a sound in it from this share of its length
_SPREAD = 0.5  # standard deviation of a class's logit between the windows of a sound
_STRONGEST = 3  # other classes of a window that are lowered
_STEPS = 6  # after which hardly a dimension becomes negative
_RIDGE = 1e-3


class DrawnEmbeddings:
    """Embeddings of scenes, drawn at random where a sound only stands in for another.

    The embedding of each window with such a sound is moved, so that the classifier gives the sound's class the logit
    that classes have where they sound, and the strongest others, except those of the other sounds of the scene, are no
    stronger than usual. It is moved by the regression of embeddings on logits: if embeddings were Gaussian, the moved
    ones would be distributed as embeddings with these logits are (Matheron's rule). Embeddings are not: no dimension is
    negative, and most are 0. Dimensions that would become negative are set to 0, and the others are moved again.

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
        known = sound_classes(embedder.class_names)
        kept = np.zeros((len(found), len(embedder.class_names)), bool)
        for number, (_event, scene) in enumerate(found):
            others = [other.category for other in scene if not other.drawn]
            drawn = [embedder.class_names.index(other.drawn) for other in scene if other.drawn]
            kept[number] = statistics.related[[*drawn, *classes_of(others, known)]].any(axis=0)
        rng = np.random.default_rng(seed)
        targets = np.array([rng.choice(statistics.targets[event.role]) for event, _ in found], np.float32)
        windows = [windows_of(event, embedder.segment_times, _PARTLY) for event, _ in found]
        with tf.device("CPU:0"):  # the input pipeline must not use GPU memory
            drawn = [sum(bool(event.drawn) for event in scene) for scene in events]
            self._first = tf.constant(np.concatenate([[0], np.cumsum(drawn)]), tf.int32)
            self._class, self._target, self._kept = tf.constant(classes), tf.constant(targets), tf.constant(kept)
            self._windows = tf.constant(windows)
            self._kernels = tf.constant(statistics.kernel.T)  # [classes, width]
            fields = ("bias", "factors", "rest", "variance", "usual")
            self._statistics = {name: tf.constant(getattr(statistics, name)) for name in fields}

    def __len__(self):
        return len(self.lengths)

    def load(self, index):
        """Loads the embedding float32 `[segments, width]` of row `index`, an int tensor; for `Dataset.map`."""
        shape, clip = tf.TensorShape([None, self.bins]), tf.cast(index, tf.int32) % self._clips
        row = tf.ensure_shape(self._rows.load(index), shape)
        seed = tf.stack([self._seed, tf.cast(index, tf.int32)])

        def draw(event, embedding):
            first, last = self._windows[event, 0], self._windows[event, 1]
            moved = self._move(embedding[first:last], event, tf.random.experimental.stateless_fold_in(seed, event))
            return event + 1, tf.concat([embedding[:first], moved, embedding[last:]], axis=0)

        return tf.while_loop(
            lambda event, _: event < self._first[clip + 1], draw, (self._first[clip], row), (tf.TensorShape([]), shape)
        )[1]

    def _move(self, embedding, event, seed):
        """Moves the embeddings `[windows, width]` of an event."""
        found, chosen, count = self._statistics, self._class[event], tf.shape(embedding)[0]
        logits = tf.matmul(embedding, self._kernels, transpose_b=True) + found["bias"]
        others = tf.math.top_k(tf.where(self._kept[event], logits.dtype.min, logits), _STRONGEST).indices
        heard = tf.concat([tf.fill([count, 1], chosen), others], axis=1)
        lowered = tf.minimum(tf.gather(logits, others, batch_dims=1), tf.gather(found["usual"], others))
        raised = self._target[event] + _SPREAD * tf.random.stateless_normal([count, 1], seed)
        wanted = tf.concat([raised, lowered], axis=1) - tf.gather(found["bias"], heard)
        kernels, ridge = tf.gather(self._kernels, heard), _RIDGE * found["variance"][chosen] * tf.eye(1 + _STRONGEST)
        moved, free = embedding, tf.ones_like(embedding)
        for _ in range(_STEPS):
            start = embedding * free
            active = kernels * free[:, tf.newaxis]
            factors = tf.einsum("skw,wf->skf", active, found["factors"])
            between = tf.matmul(factors, factors, transpose_b=True)
            between += tf.matmul(active * found["rest"], active, transpose_b=True)
            missing = wanted - tf.einsum("skw,sw->sk", kernels, start)
            weights = tf.linalg.solve(between + ridge, missing[..., tf.newaxis])[..., 0]
            along = tf.matmul(tf.einsum("sk,skf->sf", weights, factors), found["factors"], transpose_b=True)
            moved = start + free * (along + found["rest"] * tf.einsum("sk,skw->sw", weights, active))
            free *= tf.cast(moved >= 0, free.dtype)
        return tf.maximum(moved, 0.0)


def draw_embeddings(rows, clips, events, embedder, seed=0, progress=None):
    """Makes `DrawnEmbeddings` of the clips of a split, if any of them has a sound that only stands in for another.

    Args:
        rows: as for `DrawnEmbeddings`.
        clips: `ClipList`.
        events: {name of a clip: `Scene`}, as from `Dataset.events`; None if none are known.
        embedder: `FrozenEncoder` whose embeddings the rows are.
        seed: int, of the random choices.
        progress: optional function `(done, total)`, of clips.

    Returns:
        `DrawnEmbeddings`, or `rows`.

    Raises:
        DatasetError: if too few clips have none of these sounds.
    """
    of_clip = _events_of(clips, events)
    if not _drawn_classes(of_clip):
        return rows
    return DrawnEmbeddings(rows, of_clip, embedder, class_statistics(rows, of_clip, embedder, progress), seed)


def check_enough(lengths, clips, events, embedder):
    """Checks that a split has enough clips for `draw_embeddings`, before any is embedded.

    Args:
        lengths: list of int, embeddings of each clip.
        clips: `ClipList`.
        events: as for `draw_embeddings`.
        embedder: `FrozenEncoder`.

    Raises:
        DatasetError: if too few clips have no sound that only stands in for another.
    """
    of_clip = _events_of(clips, events)
    if _drawn_classes(of_clip):
        clips_for_statistics(lengths, of_clip, embedder.width)


def check_drawn(events, embedder):
    """Checks that the embeddings of a split can be drawn, before any is computed.

    Args:
        events: as for `draw_embeddings`.
        embedder: `FrozenEncoder` whose stored embeddings are the features; None if they are others.

    Raises:
        DatasetError: if there are sounds to draw that the encoder has no classes for.
    """
    classes = _drawn_classes(scene.events for scene in (events or {}).values())
    unknown = sorted(classes - set(embedder.class_names if embedder and embedder.classifier else ()))
    if unknown:
        named = ", ".join(unknown[:3]) + (", ..." if len(unknown) > 3 else "")
        raise DatasetError(
            f"the scenes have stand-ins of other sounds ({named}), whose embeddings are drawn as stored ones of a "
            "network with such classes: set embedding.kind=yamnet, and data.embedding_store=on if it is off, or "
            "compose other scenes (scenes.bank and a new data.root), which then have no stand-ins"
        )


def _events_of(clips, events):
    return [events[clip.name].events if clip.name in (events or ()) else () for clip in clips]


def _drawn_classes(events):
    return {event.drawn for scene in events for event in scene if event.drawn}
