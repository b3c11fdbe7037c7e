"""Features of clips: computed from their files, kept in memory, or stored in several views."""

import functools

import numpy as np
import tensorflow as tf

from aac_tf.audio import read_audio, spectrogram

# AutoGraph would write the code of functions for `tf.data` to temporary files, which a killed process leaves behind.
unconverted = tf.autograph.experimental.do_not_convert


class FileFeatures:
    """Spectrograms that are computed from sound files on each access.

    Args:
        paths: list of str, files that passed `screen_audio`.
        lengths: list of int, frames of each clip: `spec.output_length` of its samples at the spec's sample rate.
        spec: `SpectrogramSpec`.

    Attributes:
        lengths: int64 numpy array, frames of each clip.
        bins: int, width of a frame.
    """

    def __init__(self, paths, lengths, spec):
        self.lengths = np.asarray(lengths, np.int64)
        self.bins = spec.num_bins
        self._paths = tf.constant(list(paths), tf.string)
        self._spec = spec

    def __len__(self):
        return len(self.lengths)

    def load(self, index):
        """Computes the spectrogram float32 `[frames, bins]` of clip `index`, an int tensor; for `Dataset.map`."""
        return _load_function(self._spec)(self._paths[index])


@functools.cache
def _load_function(spec):
    """A graph function from a path to its spectrogram, shared by all pipelines: tracing it takes seconds."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def load(path):
        waveform = read_audio(path, spec.sample_rate)
        return tf.ensure_shape(spectrogram(waveform, spec), [None, spec.num_bins])

    return load


class MemoryFeatures:
    """Features that are computed once and kept in memory; attributes as in `FileFeatures`.

    Args:
        features: `FileFeatures`, or other features with its attributes and `load`.
        progress: optional function `(done, total)`.
    """

    def __init__(self, features, progress=None):
        self.bins = features.bins
        loaded = []
        dataset = tf.data.Dataset.range(len(features)).map(unconverted(features.load), tf.data.AUTOTUNE)
        for example in dataset.as_numpy_iterator():
            loaded.append(example)
            if progress:
                progress(len(loaded), len(features))
        self.lengths = np.array([len(example) for example in loaded], np.int64)
        with tf.device("CPU:0"):  # the input pipeline must not use GPU memory
            self._starts = tf.constant(np.concatenate([[0], np.cumsum(self.lengths)]))
            self._frames = tf.constant(np.concatenate(loaded))

    def __len__(self):
        return len(self.lengths)

    def load(self, index):
        """See `FileFeatures.load`."""
        return self._frames[self._starts[index] : self._starts[index + 1]]


class ViewedFeatures:
    """Features with precomputed augmented views; attributes as in `FileFeatures`.

    Args:
        rows: features of all views, row `view * clips + clip`; view 0 is the clips as they are.
        views: int, augmented views of each clip.
        probability: float, share of the draws that give an augmented view.
    """

    def __init__(self, rows, views, probability):
        self.lengths = rows.lengths[: len(rows) // (views + 1)]
        self.bins = rows.bins
        self.views = views
        self._rows, self._probability = rows, probability

    def __len__(self):
        return len(self.lengths)

    def load(self, index):
        """Loads the unmodified clip; see `FileFeatures.load`."""
        return self._rows.load(index)

    def draw(self, index, seed):
        """Loads the unmodified clip or one of its augmented views, selected by the seed int `[2]`."""
        uniform = tf.random.stateless_uniform([2], seed)
        view = 1 + tf.cast(uniform[1] * self.views, index.dtype)
        return self._rows.load(tf.where(uniform[0] < self._probability, view, 0) * len(self) + index)


def feature_statistics(features, embedder=None, max_clips=500):
    """Computes the mean and variance of each dimension of the encoder's inputs over clips.

    Args:
        features: `FileFeatures`, or other features with its attributes and `load`.
        embedder: `FrozenEncoder` between the features and the encoder; None if there is none, or if the features are
            stored embeddings.
        max_clips: int, maximum number of clips to read, evenly spaced in the dataset.

    Returns:
        (mean, variance), float32 numpy arrays `[bins]`.
    """
    embed, bins = np.asarray, features.bins
    if embedder is not None:
        signature, bins = [tf.TensorSpec([None, features.bins], tf.float32)], embedder.width
        embed = tf.function(lambda frames: embedder(frames[tf.newaxis])[0][0], signature, autograph=False)
    chosen = np.unique(np.linspace(0, len(features) - 1, min(len(features), max_clips)).astype(np.int64))
    count, total, squares = 0, np.zeros(bins), np.zeros(bins)
    dataset = tf.data.Dataset.from_tensor_slices(chosen).map(unconverted(features.load), tf.data.AUTOTUNE)
    for example in dataset.as_numpy_iterator():
        example = np.asarray(embed(example), np.float64)
        count, total, squares = count + len(example), total + example.sum(0), squares + (example**2).sum(0)
    mean = total / count
    variance = squares / count - mean**2
    # Dimensions that are hardly ever active would otherwise outweigh all others in the first sound that has them.
    return mean.astype(np.float32), np.maximum(variance, max(1e-4, 0.01 * variance.mean())).astype(np.float32)
