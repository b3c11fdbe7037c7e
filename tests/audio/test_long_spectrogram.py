import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import AST, DCASE2020, YAMNET, long_spectrogram, spectrogram, spectrogram_of_parts


@pytest.mark.parametrize("spec", [DCASE2020, YAMNET, AST], ids=lambda spec: spec.name)
def test_a_spectrogram_in_parts_is_the_whole_one(spec):
    samples = 3 * spec.sample_rate + 77
    waveform = 0.3 * tf.random.stateless_normal([3, samples], [1, 2])
    length = tf.constant([samples, samples // 2, 1])
    expected = spectrogram(waveform, spec, length)
    # Parts of 100 frames, whose last one is not full.
    found = long_spectrogram(waveform, spec, length, part_frames=300)
    assert expected.shape[1] % 100
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sizes", [[1.0, 1.0, 1.0], [2.0, 0.001], [0.01, 0.001, 1.3], [0.7], [0.0]])
@pytest.mark.parametrize("spec", [DCASE2020, YAMNET, AST], ids=lambda spec: spec.name)
def test_a_sound_in_parts_has_the_spectrogram_of_the_whole(spec, sizes):
    sizes = [int(seconds * spec.sample_rate) for seconds in sizes]
    waveform = 0.3 * tf.random.stateless_normal([sum(sizes)], [1, 2])
    found, expected = spectrogram_of_parts(tf.split(waveform, sizes), spec), spectrogram(waveform, spec)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
