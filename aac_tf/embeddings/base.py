"""The contract of frozen encoders."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import tensorflow as tf


class FrozenEncoder(tf.keras.layers.Layer):
    """A pretrained network between the spectrogram and the trained encoder.

    A frozen encoder maps the frames of a spectrogram to segments, each with an embedding. How many frames a segment
    covers, and whether segments overlap, is up to the subclass.

    It has no variables, so that it is neither trained nor stored in checkpoints: subclasses keep weights as constants
    or in a closure. Its output is float32 under every Keras policy, and no gradient flows through it. Augmentation such
    as SpecAugment applies to the spectrogram; any normalization that the network needs is part of this layer.

    Subclasses call `super().__init__(**kwargs)`, set the attributes below and implement `spec_for`, `call`,
    `output_length`, `segment_times` and `get_config`; `for_export` if LiteRT needs another form of the layer;
    `class_names`, `embed_and_score` and, if there is a linear one, `classifier` if the network also classifies sounds;
    `origin` so that a run can find the weights again.

    Attributes:
        spec: `SpectrogramSpec` of the spectrogram that the network takes.
        width: int, width of an embedding.
        checksum: str, which identifies the output: equal for equal weights, spec and options that change embeddings.
            Stored embeddings are found by it.

    Call arguments:
        spectrogram: float `[batch, frames, bins]`, padded on the right with anything.
        length: int `[batch]`, valid frames of each clip; None if all are valid.

    Returns:
        `(embedding, length)`: float32 `[batch, segments, width]`, zero after the end of a clip; int32 `[batch]`, number
        of segments of each clip, at least 1, `output_length` of its frames. Padding has no effect.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.audio import DCASE2020
        >>> from aac_tf.embeddings import FrozenEncoder
        >>> class MelMeans(FrozenEncoder):
        ...     '''Means over `pool` frames.'''
        ...     def __init__(self, pool=4, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.pool, self.spec, self.width = pool, self.spec_for(), 64
        ...         self.checksum = self.checksum_of("mel means", pool)
        ...     @classmethod
        ...     def spec_for(cls, pool=4):
        ...         return DCASE2020
        ...     def output_length(self, frames):
        ...         return (frames + self.pool - 1) // self.pool
        ...     @property
        ...     def segment_times(self):
        ...         first, hop = self.spec.frame_times
        ...         return first + (self.pool - 1) * hop / 2, self.pool * hop
        ...     def call(self, spectrogram, length=None):
        ...         batch, frames = tf.shape(spectrogram)[0], tf.shape(spectrogram)[1]
        ...         length = tf.fill([batch], frames) if length is None else tf.cast(length, tf.int32)
        ...         valid = tf.sequence_mask(length, frames)[..., tf.newaxis]
        ...         spectrogram = tf.where(valid, tf.cast(spectrogram, tf.float32), 0.0)
        ...         spectrogram = tf.pad(spectrogram, [[0, 0], [0, -frames % self.pool], [0, 0]])
        ...         means = tf.reduce_mean(tf.reshape(spectrogram, [batch, -1, self.pool, self.width]), axis=2)
        ...         return tf.stop_gradient(means), self.output_length(length)
        ...     def get_config(self):
        ...         return {**super().get_config(), "pool": self.pool}
        >>> embedding, length = MelMeans()(tf.ones([2, 87, 64]), tf.constant([87, 30]))
        >>> embedding.shape, length.numpy().tolist()
        (TensorShape([2, 22, 64]), [22, 8])
    """

    def __init__(self, **kwargs):
        kwargs.setdefault("trainable", False)
        # Without autocast, mixed precision does not round the spectrogram.
        super().__init__(autocast=False, **kwargs)

    @classmethod
    def spec_for(cls, **options):
        """The spec of an encoder with these options, without loading its weights.

        Args:
            **options: the arguments of the constructor. An unknown one is a TypeError.

        Returns:
            `SpectrogramSpec`.
        """
        raise NotImplementedError

    def call(self, spectrogram, length=None):
        raise NotImplementedError

    def output_length(self, frames):
        """Number of segments of a spectrogram, at least 1.

        Args:
            frames: int, integer array or integer tensor, number of frames, at least 1.

        Returns:
            The same type and shape.
        """
        raise NotImplementedError

    @property
    def segment_times(self):
        """`(first, hop)` in seconds: segment i is centred `first + i * hop` seconds after the start of the sound."""
        raise NotImplementedError

    @property
    def class_names(self):
        """Names of the classes that `embed_and_score` scores, tuple of str; empty if the network has no classifier."""
        return ()

    @property
    def classifier(self):
        """The layer from an embedding to the logits of the classes; None if there is no such layer.

        `(kernel, bias)`, float32 numpy arrays `[width, classes]` and `[classes]`.
        """
        return None

    def embed_and_score(self, spectrogram, length=None):
        """The embedding of a call, and the scores of the network's classifier, computed in the same pass.

        Args:
            spectrogram: as for a call.
            length: as for a call.

        Returns:
            `(embedding, scores, length)`: embedding and length as from a call; scores float32
            `[batch, segments, classes]`, probabilities, zero after the end of a clip.
        """
        raise NotImplementedError

    @property
    def origin(self):
        """Where the weights were loaded from: dict of str with `source`, `checksum`, or neither if that is unknown.

        A run remembers it for `find_weights`.
        """
        return {}

    @classmethod
    def find_weights(cls, origin):
        """Finds the weights of an earlier encoder on this machine.

        Args:
            origin: dict, the `origin` of that encoder.

        Returns:
            str, a source for the constructor; None if they are not where they were.
        """
        source = origin.get("source")
        return source if source and os.path.exists(source) else None

    def for_export(self):
        """A layer with the same weights in the form that LiteRT can convert: float32, without loops over windows."""
        return self

    def fingerprint(self):
        """Identifies the network by its output, so that the same weights match in any file format.

        The input is one second of a fixed pattern of waves over time and frequency.

        Returns:
            list of `width` floats, the first embedding, to compare with `aac_tf.embeddings.fingerprint.difference`.
        """
        spec = self.spec
        time, pitch = np.arange(spec.output_length(spec.sample_rate))[:, np.newaxis], np.arange(spec.num_bins)
        waves = np.cos(0.13 * time + 0.07 * pitch) + np.cos(0.031 * time * (1 + pitch / spec.num_bins))
        embedding, _ = self((2.0 * waves - 3.0)[np.newaxis].astype(np.float32))
        return [round(float(value), 6) for value in np.asarray(embedding)[0, 0]]

    def checksum_of(self, weights, *options):
        """A value for `checksum`.

        Args:
            weights: str that identifies the weights.
            *options: values of the options that change embeddings, apart from the spec.

        Returns:
            str, SHA-256 of the arguments and `spec`.
        """
        return hashlib.sha256(" ".join(map(str, (weights, self.spec, *options))).encode()).hexdigest()
