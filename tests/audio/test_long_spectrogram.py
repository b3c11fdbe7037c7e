import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import AST, DCASE2020, YAMNET, long_spectrogram, spectrogram


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
