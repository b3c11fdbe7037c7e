import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio.mixing import Mixer, mix_in_graph


@pytest.fixture
def sound():
    return np.random.default_rng(0).uniform(-0.5, 0.5, [1000, 3]).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_mean_of_the_channels(sound, channels):
    sound = sound[:, :channels]
    for found in (Mixer()(sound), mix_in_graph(tf.constant(sound))):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, sound.mean(axis=1), atol=1e-6)


def test_channels_that_cancel_each_other(sound):
    sound = np.stack([0.9995 * sound[:, 0], -sound[:, 0]], axis=1)
    for found in (Mixer()(sound), mix_in_graph(tf.constant(sound))):
        np.testing.assert_array_equal(found, sound[:, 1])


def test_the_first_block_that_is_not_silent_decides(sound):
    cancelling = np.stack([sound[:, 0], -sound[:, 0]], axis=1)
    mix = Mixer()
    assert not mix(np.zeros([10, 2], np.float32)).any()
    np.testing.assert_array_equal(mix(cancelling), cancelling[:, 0])
    np.testing.assert_array_equal(mix(sound[:, :2]), sound[:, 0])
    mix = Mixer()
    mix(sound[:, :2])
    assert not mix(cancelling).any()


def test_silence(sound):
    for found in (Mixer()(0 * sound), mix_in_graph(tf.constant(0 * sound)), Mixer()(sound[:0])):
        assert not np.any(found)
