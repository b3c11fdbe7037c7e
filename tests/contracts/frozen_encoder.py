"""What every `FrozenEncoder` must pass."""

import json
import os
import tempfile

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import SpectrogramSpec, spectrogram
from aac_tf.embeddings import FrozenEncoder
from aac_tf.embeddings.fingerprint import difference


def check_frozen_encoder(encoder, others=()):
    """Checks that an encoder, whose products are in float32, fulfils the contract of `FrozenEncoder`.

    Args:
        encoder: `FrozenEncoder`.
        others: encoders that must not be mistaken for it: with other weights, or options that change embeddings.
    """
    assert isinstance(encoder, FrozenEncoder)
    frames = encoder.spec.output_length(_samples(encoder))
    _check_attributes(encoder)
    _check_lengths(encoder, frames)
    _check_padding(encoder, frames)
    _check_nothing_is_trained_or_stored(encoder, frames)
    _check_segment_times(encoder)
    _check_config(encoder, frames)
    _check_identity(encoder, others)
    _check_classifier(encoder, frames)
    _check_export(encoder, frames)
    _check_graphs(encoder, frames)


def _samples(encoder):
    """Samples of a sound of about five segments."""
    first, hop = encoder.segment_times
    return int((2 * first + 4.3 * hop) * encoder.spec.sample_rate)


def _noise(shape, scale=0.1):
    return np.random.default_rng(0).normal(0, scale, shape).astype(np.float32)


def _spectrograms(encoder, frames, batch=1):
    return spectrogram(_noise([batch, _samples(encoder)]), encoder.spec)[:, :frames]


def _options(encoder):
    """The options of an encoder apart from those that all Keras layers have."""
    common = tf.keras.layers.Layer().get_config()
    return {name: value for name, value in encoder.get_config().items() if name not in common}


def _assert_close(found, expected):
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def _check_attributes(encoder):
    assert isinstance(encoder.spec, SpectrogramSpec)
    assert isinstance(encoder.width, int)
    assert isinstance(encoder.checksum, str)
    assert type(encoder).spec_for(**_options(encoder)) == encoder.spec, "spec_for does not agree with spec"
    with pytest.raises(TypeError):
        type(encoder).spec_for(no_such_option=1)


def _check_lengths(encoder, frames):
    lengths = np.unique(np.linspace(1, frames, 24).astype(int))
    expected = [encoder.output_length(int(length)) for length in lengths]
    assert all(isinstance(segments, int) and segments >= 1 for segments in expected), expected
    assert encoder.output_length(lengths).tolist() == expected
    assert encoder.output_length(tf.constant(lengths)).numpy().tolist() == expected
    assert (np.diff(encoder.output_length(np.arange(1, 20 * frames))) >= 0).all(), "more frames have fewer segments"
    embedding, segments = encoder(_spectrograms(encoder, frames, len(lengths)), lengths)
    assert embedding.dtype == tf.float32
    assert segments.dtype == tf.int32
    assert segments.numpy().tolist() == expected, "output_length does not agree with call"
    assert embedding.shape[1] == expected[-1], "output_length does not agree with call"
    assert embedding.shape == (len(lengths), expected[-1], encoder.width)
    for row, valid in zip(embedding.numpy(), expected):
        assert np.isfinite(row).all()
        assert not row[valid:].any(), "embeddings after the end of a clip are not 0"
    for length, valid in list(zip(lengths.tolist(), expected))[::5]:
        embedding, segments = encoder(_spectrograms(encoder, length))
        assert embedding.shape == (1, valid, encoder.width), "output_length does not agree with call"
        assert segments.numpy().tolist() == [valid]


def _check_padding(encoder, frames):
    lengths = [1, frames // 3, frames // 2 + 1, frames]
    batch = _spectrograms(encoder, frames, len(lengths)).numpy()
    for row, length in zip(batch, lengths):
        row[length:] = np.nan  # anything may be in the padding
    embedding, segments = encoder(batch, tf.constant(lengths))
    for row, length, valid, together in zip(batch, lengths, segments.numpy(), embedding):
        alone, _ = encoder(row[np.newaxis, :length])
        np.testing.assert_allclose(together[:valid], alone[0], rtol=1e-5, atol=1e-5, err_msg="padding has an effect")


def _check_nothing_is_trained_or_stored(encoder, frames):
    frame_values = _spectrograms(encoder, frames)
    with tf.GradientTape() as tape:
        tape.watch(frame_values)
        embedding, _ = encoder(frame_values)
        loss = tf.reduce_sum(embedding**2)
    assert tape.gradient(loss, frame_values) is None, "gradients flow through the encoder"
    assert not encoder.weights, "the encoder has variables"
    with tempfile.TemporaryDirectory() as folder:
        path = tf.train.Checkpoint(encoder=encoder).save(os.path.join(folder, "checkpoint"))
        stored = {name for name, _ in tf.train.list_variables(path) if name.startswith("encoder/")}
    assert not stored, f"checkpoints store {stored}"


def _check_segment_times(encoder):
    """An event in the middle of segment i changes the segments around i most."""
    first, hop = encoder.segment_times
    rate = encoder.spec.sample_rate
    assert first >= 0
    assert hop > 0
    samples = int((2 * first + 8 * hop) * rate)
    sound = _noise(samples, 1e-3)
    sound[-1] = 0.9  # the same peak with and without the event
    before = encoder(spectrogram(sound, encoder.spec)[np.newaxis])[0][0].numpy()
    duration = int(max(hop / 4 * rate, 2 * encoder.spec.hop_length))
    for segment in (2, 3, 5):
        start = int((first + segment * hop) * rate) - duration // 2
        event = sound.copy()
        event[start : start + duration] += _noise(duration)
        after = encoder(spectrogram(event, encoder.spec)[np.newaxis])[0][0].numpy()
        change = np.sum((after - before) ** 2, axis=-1)
        centre = np.sum(change * np.arange(len(change))) / np.sum(change)
        assert abs(centre - segment) <= 0.5, f"an event in segment {segment} changes segments around {centre:.2f}"


def _check_config(encoder, frames):
    config = encoder.get_config()
    assert json.loads(json.dumps(config)) == config, "the config is not JSON"
    twin = type(encoder).from_config(config)
    assert twin.get_config() == config, "a round trip changes the config"
    identity = [(layer.spec, layer.width, layer.checksum) for layer in (twin, encoder)]
    assert identity[0] == identity[1], "the config lacks an option"
    expected = encoder(_spectrograms(encoder, frames, 2))
    _assert_close(twin(_spectrograms(encoder, frames, 2)), expected)
    policy = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = type(encoder).from_config({**config, "dtype": "mixed_float16"})
        embedding, segments = half(_spectrograms(encoder, frames, 2))
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)
    assert embedding.dtype == tf.float32, f"under mixed precision embeddings are {embedding.dtype}"
    _assert_close([embedding, segments], expected)


def _check_identity(encoder, others):
    checksums = {encoder.checksum, *(other.checksum for other in others)}
    assert len(checksums) == 1 + len(others), "another encoder has the same checksum"
    found = encoder.fingerprint()
    assert len(found) == encoder.width
    assert all(isinstance(value, float) for value in found)
    assert difference(found, type(encoder).from_config(encoder.get_config()).fingerprint()) == 0


def _check_classifier(encoder, frames):
    if encoder.classifier is None:
        return
    kernel, bias = encoder.classifier
    assert kernel.shape == (encoder.width, len(encoder.class_names))
    embedding, scores, _ = encoder.embed_and_score(_spectrograms(encoder, frames))
    np.testing.assert_allclose(tf.sigmoid(embedding @ kernel + bias), scores, atol=1e-5)


def _check_export(encoder, frames):
    exported = encoder.for_export()
    frame_values = _spectrograms(encoder, frames)
    expected = encoder(frame_values)
    _assert_close(exported(frame_values), expected)
    module = tf.Module()
    module.embed = tf.function(
        lambda frames: {"embedding": exported(frames)[0]},
        [tf.TensorSpec([1, None, encoder.spec.num_bins], tf.float32, name="frames")],
        autograph=False,
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.embed.get_concrete_function()], module)
    interpreter = tf.lite.Interpreter(model_content=converter.convert())  # fails unless all operations are built in
    found = interpreter.get_signature_runner()(frames=frame_values.numpy())["embedding"]
    np.testing.assert_allclose(found, expected[0], rtol=1e-3, atol=1e-3)


def _check_graphs(encoder, frames):
    class Service(tf.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, encoder.spec.num_bins], tf.float32),
                tf.TensorSpec([None], tf.int32),
            ],
            autograph=False,
        )
        def embed(self, spectrogram, length):
            embedding, length = self.encoder(spectrogram, length)
            assert embedding.shape.as_list() == [None, None, encoder.width], f"static shape {embedding.shape}"
            assert length.shape.as_list() == [None]
            return embedding, length

    service = Service()
    sounds = [(_spectrograms(encoder, count, batch), [count] * batch) for count, batch in ((1, 1), (frames, 3))]
    expected = [encoder(*sound) for sound in sounds]
    for sound, answer in zip(sounds, expected):
        _assert_close(service.embed(*sound), answer)
    assert service.embed.experimental_get_tracing_count() == 1, "a new shape retraces the function"
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(service, folder)
        loaded = tf.saved_model.load(folder)
        for sound, answer in zip(sounds, expected):
            _assert_close(loaded.embed(*sound), answer)
