"""Windows of spectrograms."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import YAMNET, spectrogram
from aac_tf.embeddings import WindowedEncoder
from aac_tf.embeddings.windows import count_windows, run_in_parts

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


class Windows(WindowedEncoder):
    """Returns the windows of `YAMNET` spectrograms as they are, each flattened."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.spec, self.width = YAMNET, 96 * 64
        self._network = lambda windows: tf.reshape(windows, [-1, 96 * 64])


def windows_of(frames, length):
    windows, count = Windows()(frames, length)
    return windows.numpy().reshape([*windows.shape[:2], 96, 64]), count.numpy().tolist()


def test_windows_are_slices_of_the_spectrogram():
    frames = np.random.default_rng(0).normal(size=[2, 240, 64]).astype("f4")
    windows, count = windows_of(frames, [240, 240])
    assert windows.shape == (2, 4, 96, 64)
    assert count == [4, 4]
    for index in range(4):
        np.testing.assert_array_equal(windows[:, index], frames[:, 48 * index : 48 * index + 96])


def test_the_last_window_of_a_clip_ends_with_silence():
    windows, count = windows_of(np.full([3, 200, 64], 5.0, "f4"), [0, 100, 200])
    assert count == [1, 2, 4]
    assert windows.shape == (3, 4, 96, 64)
    for row, length, valid in zip(windows, [0, 100, 200], count):
        expected = np.full([240, 64], SILENCE, "f4")
        expected[:length] = 5.0
        slices = [expected[start : start + 96] for start in range(0, 48 * valid, 48)]
        np.testing.assert_allclose(row[:valid], slices, rtol=1e-6)
        assert not row[valid:].any()


def test_an_empty_batch_has_no_windows():
    windows, length = Windows(batch_windows=4)(tf.zeros([0, 200, 64]), tf.zeros([0], tf.int32))
    assert (windows.shape, length.shape) == ((0, 4, 96 * 64), (0,))


def test_zeros_become_silence():
    np.testing.assert_allclose(spectrogram(np.zeros(16000, "f4"), YAMNET), SILENCE, rtol=1e-6)


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
