import librosa
import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio.mel import mel_filter_bank


@pytest.mark.parametrize("settings", [(44100, 1024, 64, 0.0, 22050.0), (16000, 512, 40, 60.0, 7600.0)])
@pytest.mark.parametrize("norm", ["area", None])
def test_slaney_filters_agree_with_librosa(settings, norm):
    rate, fft, bins, fmin, fmax = settings
    expected = librosa.filters.mel(
        sr=rate, n_fft=fft, n_mels=bins, fmin=fmin, fmax=fmax, norm="slaney" if norm else None, dtype=np.float64
    )
    np.testing.assert_allclose(mel_filter_bank(*settings, "slaney", norm), expected.T, rtol=1e-5, atol=1e-9)


def test_htk_filters_agree_with_tensorflow():
    expected = tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125.0, 7500.0, tf.float64)
    np.testing.assert_allclose(mel_filter_bank(16000, 512, 64, 125.0, 7500.0, "htk", None), expected, atol=1e-6)


def test_the_shared_filter_bank_is_read_only():
    with pytest.raises(ValueError):
        mel_filter_bank(16000, 512, 64, 125.0, 7500.0)[0, 0] = 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((16000, 512, 64, 0, 9000), "fmax"),
        ((16000, 512, 64, 500, 500), "fmin"),
        ((16000, 512, 64, 0, 8000, "bark"), "scale"),
        ((16000, 512, 64, 0, 8000, "htk", "peak"), "norm"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        mel_filter_bank(*arguments)
