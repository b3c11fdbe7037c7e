"""Windows of spectrograms."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import YAMNET, spectrogram
from aac_tf.embeddings.windows import count_windows, run_in_parts, segment_windows

SILENCE = np.log(0.001)


def published_count(samples):
    return 1 + int(np.ceil(max(0, samples - 15600) / 7680))


def test_windows_of_fifteen_and_thirty_seconds():
    assert count_windows(YAMNET.output_length(15 * 16000), YAMNET) == 31
    assert count_windows(YAMNET.output_length(30 * 16000), YAMNET) == 62


def test_count_agrees_with_the_published_model():
    samples = np.concatenate([np.arange(0, 60000), np.arange(400000, 500000)])
    expected = [published_count(n) for n in samples]
    np.testing.assert_array_equal(count_windows(YAMNET.output_length(samples), YAMNET), expected)
    found = count_windows(YAMNET.output_length(tf.constant(samples, tf.int32)), YAMNET)
    np.testing.assert_array_equal(found, expected)
    assert [count_windows(YAMNET.output_length(int(n)), YAMNET) for n in samples[:20000]] == expected[:20000]


def test_windows_are_slices_of_the_spectrogram():
    frames = np.random.default_rng(0).normal(size=[2, 240, 64]).astype("f4")
    windows, count = segment_windows(tf.constant(frames), [240, 240], YAMNET)
    assert windows.shape == (2, 4, 96, 64)
    assert count.numpy().tolist() == [4, 4]
    for index in range(4):
        np.testing.assert_array_equal(windows[:, index], frames[:, 48 * index : 48 * index + 96])


def test_windows_are_silent_after_the_end_of_a_clip():
    frames = np.full([3, 200, 64], 5.0, "f4")
    windows, count = segment_windows(tf.constant(frames), [0, 100, 200], YAMNET)
    assert count.numpy().tolist() == [1, 2, 4]
    assert windows.shape == (3, 4, 96, 64)
    for row, length in zip(windows.numpy(), [0, 100, 200]):
        expected = np.full([240, 64], SILENCE, "f4")
        expected[:length] = 5.0
        np.testing.assert_allclose(row, [expected[start : start + 96] for start in range(0, 145, 48)], rtol=1e-6)


def test_zeros_become_silence():
    np.testing.assert_allclose(spectrogram(np.zeros(16000, "f4"), YAMNET), SILENCE, rtol=1e-6)


def test_one_trace_for_all_shapes():
    @tf.function(input_signature=[tf.TensorSpec([None, None, 64]), tf.TensorSpec([None], tf.int32)])
    def cut(frames, length):
        return segment_windows(frames, length, YAMNET)

    for batch, frames in [(1, 96), (3, 97), (2, 1), (2, 500)]:
        windows, count = cut(tf.zeros([batch, frames, 64]), tf.fill([batch], frames))
        assert windows.shape == (batch, count_windows(frames, YAMNET), 96, 64)
        assert count.numpy().tolist() == [count_windows(frames, YAMNET)] * batch
    assert cut.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("max_size", [1, 5, 64, 100])
def test_run_in_parts_uses_few_shapes_and_little_padding(max_size):
    """Libraries prepare a network for every new shape and cache the result."""
    sizes = set()
    for count in range(1, min(200, 40 * max_size) + 1):
        parts = []

        def network(windows, parts=parts):
            parts.append(len(windows))
            return windows[:, 0, :2] + 1.0

        windows = tf.random.stateless_normal([count, 3, 4], [1, 2])
        np.testing.assert_array_equal(run_in_parts(network, windows, max_size, 2), windows[:, 0, :2] + 1.0)
        assert sum(parts) - count <= 0.2 * sum(parts)
        sizes.update(parts)
    assert len(sizes) <= 24
    assert max(sizes) <= max_size
