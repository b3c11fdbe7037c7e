"""How the embeddings of scenes and the logits of their classes are distributed."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from aac_tf.data.features import unconverted
from aac_tf.datasets import DatasetError
from aac_tf.scenes.sound_classes import sound_classes
from aac_tf.scenes.wording import categories_for
from aac_tf.utils.counting import counted

_CLIPS = 1000  # from which the statistics are computed
_MOSTLY = 0.7  # a window is all of a sound from this share of its length
_FEW = 3  # classes of a sound; those of vaguer ones say little about how it sounds
_LEAST_TARGET = 30  # percentile of the logits of classes where they sound; below, the network does not hear them
_FACTORS = 128  # of the covariance of embeddings; of 1,024 dimensions of YAMNet's, they explain 94 % of the variance
_RELATED = 0.6  # correlation of the logits of classes that belong together


@dataclasses.dataclass(frozen=True)
class ClassStatistics:
    """Statistics of embeddings and of the logits of their classes.

    Args:
        kernel: float32 `[width, classes]`, of the classifier.
        bias: float32 `[classes]`, of the classifier.
        factors: float32 `[width, n]`; the covariance of embeddings is about `factors @ factors.T + diag(rest)`.
        rest: float32 `[width]`, variance of each dimension that the factors do not explain.
        variance: float32 `[classes]`, of the logits.
        usual: float32 `[classes]`, logits that a class does not exceed where it is not heard.
        related: bool `[classes, classes]`, which classes belong together, as "Animal" and "Dog" do.
        targets: {role of an event: float32 `[n]`, logits of classes in windows that are all of such an event}.
    """

    kernel: np.ndarray
    bias: np.ndarray
    factors: np.ndarray
    rest: np.ndarray
    variance: np.ndarray
    usual: np.ndarray
    related: np.ndarray
    targets: dict


def clips_for_statistics(lengths, events, width):
    """Chooses up to 1,000 clips without sounds that are stood in for.

    Args:
        lengths: int array, embeddings of each clip.
        events: list with the `Event`s of each clip.
        width: int, of an embedding.

    Returns:
        int64 numpy array, numbers of the clips.

    Raises:
        DatasetError: if these clips are too few for the statistics of their embeddings.
    """
    usable = np.array([clip for clip, scene in enumerate(events) if not any(event.drawn for event in scene)], np.int64)
    chosen = usable[np.unique(np.linspace(0, len(usable) - 1, _CLIPS).astype(int))] if len(usable) else usable
    windows = int(np.asarray(lengths)[chosen].sum())
    if windows < 2 * width:
        raise _too_few(f"{counted(windows, 'window')}, and {2 * width} are needed")
    return chosen


def class_statistics(rows, events, embedder, progress=None):
    """Computes statistics from the clips of `clips_for_statistics`.

    Args:
        rows: features whose first rows are the embeddings of the clips, such as `StoredEmbeddings`.
        events: list with the `Event`s of each clip.
        embedder: `FrozenEncoder` with a `classifier`, whose embeddings the rows are.
        progress: optional function `(done, total)`, of clips.

    Returns:
        `ClassStatistics`.

    Raises:
        DatasetError: if these clips are too few.
    """
    chosen = clips_for_statistics(rows.lengths, events, embedder.width)
    kernel, bias = (array.astype(np.float64) for array in embedder.classifier)
    known, targets = sound_classes(embedder.class_names), {"foreground": [], "background": []}
    embeddings, loaded = [], tf.data.Dataset.from_tensor_slices(chosen).map(unconverted(rows.load), tf.data.AUTOTUNE)
    for clip, embedding in zip(chosen, loaded.as_numpy_iterator()):
        embeddings.append(embedding.astype(np.float64))
        for event in events[clip]:
            classes = classes_of([event.category], known)
            heard = embeddings[-1][slice(*windows_of(event, embedder.segment_times, _MOSTLY))]
            if 0 < len(classes) <= _FEW and len(heard):
                targets[event.role].append((heard @ kernel[:, classes] + bias[classes]).max(axis=1).mean())
        if progress is not None:
            progress(len(embeddings), len(chosen))
    if not targets["foreground"]:
        raise _too_few("no sound in the foreground that the network knows")
    targets["background"] = targets["background"] or targets["foreground"]
    least = {role: np.percentile(values, _LEAST_TARGET) for role, values in targets.items()}
    embedding = np.concatenate(embeddings)
    covariance = np.cov(embedding.T)
    factors, rest = _factor(covariance)
    between = kernel.T @ covariance @ kernel
    deviation = np.sqrt(np.diag(between)) + 1e-12
    return ClassStatistics(
        kernel=kernel.astype(np.float32),
        bias=bias.astype(np.float32),
        factors=factors.astype(np.float32),
        rest=rest.astype(np.float32),
        variance=np.square(deviation).astype(np.float32),
        usual=(embedding.mean(axis=0) @ kernel + bias + deviation / 2).astype(np.float32),
        related=between / np.outer(deviation, deviation) >= _RELATED,
        targets={
            role: np.array([value for value in values if value >= least[role]], np.float32)
            for role, values in targets.items()
        },
    )


def _factor(covariance):
    values, vectors = np.linalg.eigh(covariance)
    factors = vectors[:, -_FACTORS:] * np.sqrt(np.maximum(values[-_FACTORS:], 0))
    return factors, np.maximum(np.diag(covariance) - np.square(factors).sum(axis=1), 0)


def classes_of(categories, known):
    """Numbers of the classes of sounds and of their kinds.

    Args:
        categories: iterable of str.
        known: `SoundClasses`.
    """
    names = {name for category in categories for name in categories_for(category, known.categories)}
    return [number for name in sorted(names) for number in known.classes[known.categories.index(name)]]


def windows_of(event, segment_times, share):
    """First and last windows of an event, exclusive: those with it in more than a share, or half of it if it is short.

    Args:
        event: `Event`.
        segment_times: as of a `FrozenEncoder`, whose windows are twice as long as the hop.
        share: float, of the length of a window.
    """
    middle, hop = segment_times
    least = min(2 * hop * share, (event.offset - event.onset) / 2)
    first = (event.onset + least - hop - middle) / hop
    last = (event.offset - least + hop - middle) / hop
    return max(0, math.floor(first) + 1), max(0, math.ceil(last))


def _too_few(found):
    return DatasetError(
        "to draw embeddings where sounds only stand in for others, clips without such sounds are needed; up to "
        f"{_CLIPS:,} of them have {found}: compose more scenes, raise data.max_clips, or compose scenes of a bank that "
        "was derived without --stand-ins (in a new data.root)"
    )
