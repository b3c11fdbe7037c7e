"""Frozen encoders that embed overlapping windows of the spectrogram one by one."""

from __future__ import annotations

import os

import tensorflow as tf

from aac_tf.embeddings.base import FrozenEncoder
from aac_tf.embeddings.windows import count_windows, pad_with_silence, run_in_parts


class WindowedEncoder(FrozenEncoder):
    """A frozen encoder whose segments are windows of `spec.segment_length` frames, one every `spec.segment_hop`.

    The last window of a clip is filled up with silence. Subclasses set `_network`, a function from windows float32
    `[windows, segment_length, bins]` to embeddings float32 `[windows, width]`; a closure, since Keras would track a
    layer.

    Args:
        source: path or name of the weights; None takes the default of the subclass.
        batch_windows: int, maximum number of windows that go through the network at once, which bounds memory; None
            runs all at once.
    """

    def __init__(self, source=None, batch_windows=None, **kwargs):
        super().__init__(**kwargs)
        if batch_windows is not None and batch_windows < 1:
            raise ValueError(f"batch_windows must be at least 1, or None, got {batch_windows}")
        self.source = None if source is None else os.fspath(source)
        self.batch_windows = batch_windows

    def call(self, spectrogram, length=None):
        return self.embed_windows(self._network, spectrogram, length, self.width)

    def embed_windows(self, network, spectrogram, length, width):
        """Runs a network on the windows of spectrograms, without gradients.

        Args:
            network: function from windows float32 `[windows, segment_length, bins]` to float32 `[windows, width]`.
            spectrogram: as for a call.
            length: as for a call.
            width: int, width of the network's output.

        Returns:
            `(output, length)`: float32 `[batch, segments, width]`, zero after the end of a clip; int32 `[batch]`.
        """
        spec = self.spec
        spectrogram = tf.ensure_shape(tf.cast(spectrogram, tf.float32), [None, None, spec.num_bins])
        if length is None:
            length = tf.fill([tf.shape(spectrogram)[0]], tf.shape(spectrogram)[1])
        segments = self.output_length(tf.shape(spectrogram)[1])
        padded, length = pad_with_silence(spectrogram, length, spec)
        batch, frames = tf.shape(spectrogram)[0], tf.shape(padded)[1]
        length = self.output_length(length)
        rows = tf.reshape(padded, [-1, spec.num_bins])

        def run(indices):
            # Gathered here, part by part: the windows of a whole batch take twice the memory of its spectrograms.
            first = indices // segments * frames + indices % segments * spec.segment_hop
            return network(tf.gather(rows, first[:, tf.newaxis] + tf.range(spec.segment_length)))

        output = run_in_parts(run, tf.range(batch * segments), self.batch_windows, width)
        valid = tf.sequence_mask(length, segments)[..., tf.newaxis]
        return tf.stop_gradient(tf.where(valid, tf.reshape(output, [batch, segments, width]), 0.0)), length

    def output_length(self, frames):
        return count_windows(frames, self.spec)

    @property
    def segment_times(self):
        spec = self.spec
        first = spec.first_centre + (spec.segment_length - 1) * spec.hop_length / 2
        return first / spec.sample_rate, spec.segment_hop * spec.hop_length / spec.sample_rate

    def for_export(self, **options):
        # LiteRT cannot convert loops over parts of the windows.
        return self.from_config({**self.get_config(), "batch_windows": None, **options})

    def get_config(self):
        return {**super().get_config(), "source": self.source, "batch_windows": self.batch_windows}
