import numpy as np
import pytest

from aac_tf.scenes.synthesis import SYNTHETIC_CATEGORIES, synthesize

RATE = 16000
ANY_LENGTH = ("rain", "siren", "footsteps", "birdsong", "clock")
SHORT = ("dog bark", "knock", "bell", "thunder", "car horn")


@pytest.mark.parametrize("category", SYNTHETIC_CATEGORIES)
@pytest.mark.parametrize("rate", [16000, 44100])
def test_every_sound_is_finite_audible_varied_and_repeatable(category, rate):
    first = synthesize(category, np.random.default_rng(1), sample_rate=rate)
    again = synthesize(category, np.random.default_rng(1), sample_rate=rate)
    other = synthesize(category, np.random.default_rng(2), sample_rate=rate)
    assert first.dtype == np.float32
    assert 0.4 * rate <= len(first) <= 5 * rate
    assert np.isfinite(first).all()
    assert 0.9 < np.abs(first).max() <= 1.0
    np.testing.assert_array_equal(first, again)
    assert len(first) != len(other) or np.abs(first - other).max() > 0.1


@pytest.mark.parametrize("category", ANY_LENGTH)
def test_sustained_and_repeating_sounds_fill_the_length_asked_for(category):
    waveform = synthesize(category, np.random.default_rng(0), seconds=9.0)
    assert len(waveform) == 9 * RATE
    seconds = np.abs(waveform).reshape(9, RATE).max(axis=1)
    assert seconds.min() > 0.05


@pytest.mark.parametrize("category", SHORT)
def test_short_sounds_keep_their_natural_length(category):
    assert len(synthesize(category, np.random.default_rng(0), seconds=30.0)) < 4 * RATE
    cut = synthesize(category, np.random.default_rng(0), seconds=0.3)
    assert len(cut) == 0.3 * RATE
    assert np.isfinite(cut).all()


def test_errors_name_the_argument_and_its_range():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"'piano'.*siren"):
        synthesize("piano", rng)
    with pytest.raises(ValueError, match="12000"):
        synthesize("rain", rng, sample_rate=8000)
    with pytest.raises(ValueError, match="positive"):
        synthesize("rain", rng, seconds=0)
