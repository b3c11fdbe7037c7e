"""What every `SpectrogramSpec` must pass."""

import numpy as np
import tensorflow as tf

from aac_tf.audio import SpectrogramSpec, long_spectrogram, spectrogram, spectrogram_of_parts


def check_spec(spec):
    """Checks that a spec's lengths are those of its spectrograms, and that neither padding nor parts change them.

    Args:
        spec: `SpectrogramSpec`.
    """
    assert isinstance(spec, SpectrogramSpec)
    assert hash(spec) == hash(spec), "a spec is the key of caches"
    _check_lengths(spec)
    _check_silence(spec)
    _check_frame_times(spec)
    _check_padding(spec)
    _check_parts(spec)
    _check_long_batches(spec)


def noise(samples, seed=0):
    """Noise, float32 `[samples]`."""
    return np.random.default_rng(seed).uniform(-0.3, 0.3, samples).astype(np.float32)


def _interesting_lengths(spec):
    """Numbers of samples around every length at which the number of frames can change."""
    edges = [0, spec.window_length // 2, spec.window_length, spec.hop_length, 7 * spec.hop_length]
    if spec.segment_length is not None:
        segment = (spec.segment_length - 1) * spec.hop_length + spec.window_length
        edges += [segment, segment + spec.segment_hop * spec.hop_length]
    return sorted({max(edge + offset, 0) for edge in edges for offset in (-1, 0, 1)} | {spec.sample_rate + 77})


def _check_lengths(spec):
    in_graph = tf.function(lambda waveform: spectrogram(waveform, spec), [tf.TensorSpec([None], tf.float32)])
    lengths = _interesting_lengths(spec)
    for samples in lengths:
        found = in_graph(noise(samples))
        frames = spec.output_length(samples)
        assert isinstance(frames, int), f"output_length of an int is {type(frames)}"
        assert frames >= 1, f"{samples} samples have no frame"
        assert found.shape == (frames, spec.num_bins), f"{samples} samples: {found.shape}, expected {frames} frames"
        assert found.dtype == tf.float32
        assert np.isfinite(found).all(), f"{samples} samples have values that are not finite"
    expected = [spec.output_length(samples) for samples in lengths]
    assert spec.output_length(np.array(lengths)).tolist() == expected
    assert spec.output_length(tf.constant(lengths)).numpy().tolist() == expected
    assert (np.diff(spec.output_length(np.arange(100000))) >= 0).all(), "more samples have fewer frames"


def _check_silence(spec):
    assert np.isfinite(spec.silence)
    np.testing.assert_allclose(spectrogram(np.zeros(5000, np.float32), spec), spec.silence, rtol=1e-6)


def _check_frame_times(spec):
    """A click is loudest in the frame that is centred on it."""
    first, hop = spec.frame_times
    for frame in (3, 20):
        waveform = noise(40 * spec.hop_length + spec.window_length) * 1e-4
        waveform[round((first + frame * hop) * spec.sample_rate)] = 1.0
        energy = tf.reduce_mean(spectrogram(waveform, spec), axis=-1).numpy()
        assert abs(np.argmax(energy) - frame) <= 1, f"a click in frame {frame} is in frame {np.argmax(energy)}"
        loud = np.flatnonzero(energy > (energy.max() + np.median(energy)) / 2)
        assert abs(loud.mean() - frame) <= 0.5, f"a click in frame {frame} is in frames {loud}"


def _check_padding(spec):
    lengths = [0, 1, 300, 5000, 9000]
    batch = np.full([5, 9000], 77.0, np.float32)  # anything may be in the padding
    for row, length in zip(batch, lengths):
        row[:length] = noise(length)
    in_graph = tf.function(
        lambda waveform, length: spectrogram(waveform, spec, length),
        [tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)],
    )
    found = in_graph(batch, lengths).numpy()
    assert found.shape == (5, spec.output_length(9000), spec.num_bins)
    for row, length in zip(found, lengths):
        frames = spec.output_length(length)
        np.testing.assert_allclose(row[:frames], spectrogram(noise(length), spec), rtol=0, atol=1e-5)
        assert not row[frames:].any(), "frames after the end of a clip are not 0"


def _check_parts(spec):
    for sizes in ([1.0, 1.0, 1.0], [2.0, 0.001], [0.01, 0.001, 1.3], [0.7], [0.0]):
        sizes = [int(seconds * spec.sample_rate) for seconds in sizes]
        waveform = noise(sum(sizes))
        found, expected = spectrogram_of_parts(tf.split(waveform, sizes), spec), spectrogram(waveform, spec)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def _check_long_batches(spec):
    samples = 3 * spec.sample_rate + 77
    waveform, length = noise([3, samples]), tf.constant([samples, samples // 2, 1])
    expected = spectrogram(waveform, spec, length)
    assert expected.shape[1] % 100, "the last part must not be full"
    found = long_spectrogram(waveform, spec, length, part_frames=300)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
