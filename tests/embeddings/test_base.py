"""The contract of frozen encoders, for encoders that know no windows."""

import pytest
import tensorflow as tf
from contracts.frozen_encoder import check_frozen_encoder

from aac_tf.audio import DCASE2020, YAMNET
from aac_tf.embeddings import FrozenEncoder


class FrameEncoder(FrozenEncoder):
    """Random projections of frames, averaged over `pool` frames."""

    def __init__(self, pool=4, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.pool, self.seed = pool, seed
        self.spec, self.width = self.spec_for(), 6
        self.checksum = self.checksum_of(f"projection {seed}", pool)
        self._kernel = tf.random.stateless_normal([self.spec.num_bins, self.width], [seed, 1])

    @classmethod
    def spec_for(cls, pool=4, seed=0):
        return DCASE2020

    def call(self, spectrogram, length=None):
        batch, frames = tf.shape(spectrogram)[0], tf.shape(spectrogram)[1]
        length = tf.fill([batch], frames) if length is None else tf.cast(length, tf.int32)
        valid = tf.sequence_mask(length, frames)[..., tf.newaxis]
        projected = tf.where(valid, tf.tensordot(tf.cast(spectrogram, tf.float32), self._kernel, 1), 0.0)
        projected = tf.pad(projected, [[0, 0], [0, -frames % self.pool], [0, 0]])
        segments = tf.reshape(projected, [batch, -1, self.pool, self.width])
        return tf.stop_gradient(tf.reduce_mean(segments, axis=2)), self.output_length(length)

    def output_length(self, frames):
        return (frames + self.pool - 1) // self.pool

    @property
    def segment_times(self):
        first, hop = self.spec.frame_times
        return first + (self.pool - 1) * hop / 2, self.pool * hop

    def get_config(self):
        return {**super().get_config(), "pool": self.pool, "seed": self.seed}


class ClipEncoder(FrameEncoder):
    """Adds to every segment the mean of the segments of its clip."""

    def call(self, spectrogram, length=None):
        segments, length = super().call(spectrogram, length)
        mean = tf.reduce_sum(segments, axis=1) / tf.cast(length, tf.float32)[:, tf.newaxis]
        valid = tf.sequence_mask(length, tf.shape(segments)[1])[..., tf.newaxis]
        return tf.where(valid, segments + 0.1 * mean[:, tf.newaxis], 0.0), length


@pytest.mark.parametrize("kind", [FrameEncoder, ClipEncoder])
def test_encoders_without_windows(kind):
    check_frozen_encoder(kind(), others=[kind(pool=2), kind(seed=1)])


class OtherSpec(FrameEncoder):
    @classmethod
    def spec_for(cls, pool=4, seed=None):
        return DCASE2020 if seed is None else YAMNET


class AnyOption(FrameEncoder):
    @classmethod
    def spec_for(cls, **options):
        return DCASE2020


class Floor(FrameEncoder):
    def output_length(self, frames):
        return frames // self.pool


class Ceiling(FrameEncoder):
    def output_length(self, frames):
        return frames // self.pool + 1


class Padding(FrameEncoder):
    def call(self, spectrogram, length=None):
        if length is None:
            return super().call(spectrogram)
        embedding, _ = super().call(tf.where(tf.math.is_nan(spectrogram), 1.0, spectrogram))
        length = self.output_length(tf.cast(length, tf.int32))
        return tf.where(tf.sequence_mask(length, tf.shape(embedding)[1])[..., tf.newaxis], embedding, 0.0), length


class Untidy(FrameEncoder):
    def call(self, spectrogram, length=None):
        embedding, _ = super().call(spectrogram)
        return embedding, super().call(spectrogram, length)[1]


class Gradients(FrameEncoder):
    def call(self, spectrogram, length=None):
        embedding, length = super().call(spectrogram, length)
        return embedding + tf.reduce_sum(tf.where(tf.math.is_nan(spectrogram), 0.0, 0.0 * spectrogram)), length


class Variables(FrameEncoder):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = self.add_weight("scale", initializer="ones", trainable=False)


class EarlyTimes(FrameEncoder):
    @property
    def segment_times(self):
        first, hop = super().segment_times
        return first + hop, hop


class SlowTimes(FrameEncoder):
    @property
    def segment_times(self):
        first, hop = super().segment_times
        return first, 1.3 * hop


class Forgetful(FrameEncoder):
    def get_config(self):
        return FrozenEncoder.get_config(self)


class HalfPrecision(FrameEncoder):
    def call(self, spectrogram, length=None):
        embedding, length = super().call(spectrogram, length)
        return tf.cast(embedding, self.compute_dtype), length


class Ambiguous(FrameEncoder):
    def __init__(self, pool=4, seed=0, **kwargs):
        super().__init__(pool, seed, **kwargs)
        self.checksum = "projection"


class OtherExport(FrameEncoder):
    def for_export(self):
        return FrameEncoder(self.pool, self.seed + 1)


class LoopedExport(FrameEncoder):
    def call(self, spectrogram, length=None):
        embedding, length = super().call(spectrogram, length)
        return tf.map_fn(lambda row: tf.concat([row, row[:0]], axis=0), embedding), length


class UnknownWidth(FrameEncoder):
    def call(self, spectrogram, length=None):
        embedding, length = super().call(spectrogram, length)
        return tf.boolean_mask(embedding, tf.fill([self.width], True), axis=2), length


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (OtherSpec, "spec_for does not agree with spec"),
        (AnyOption, "DID NOT RAISE"),
        (Floor, r"\[0, "),
        (Ceiling, "output_length does not agree with call"),
        (Padding, "padding has an effect"),
        (Untidy, "after the end of a clip are not 0"),
        (Gradients, "gradients flow"),
        (Variables, "has variables"),
        (EarlyTimes, "an event in segment"),
        (SlowTimes, "an event in segment"),
        (Forgetful, "the config lacks an option"),
        (HalfPrecision, "under mixed precision embeddings are"),
        (Ambiguous, "the same checksum"),
        (OtherExport, "Not equal to tolerance"),
        (UnknownWidth, "static shape"),
    ],
)
def test_violations_of_the_contract_are_caught(kind, message):
    options = {} if kind is Variables else {"pool": 3}
    with pytest.raises((AssertionError, pytest.fail.Exception), match=message):
        check_frozen_encoder(kind(**options), others=[kind(pool=2)])


def test_loops_are_not_convertible():
    with pytest.raises(Exception, match="TensorList"):
        check_frozen_encoder(LoopedExport())
