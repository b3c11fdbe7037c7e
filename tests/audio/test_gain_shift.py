"""Gain and shift of spectrograms equal those of waveforms."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import AST, DCASE2020, YAMNET, spectrogram
from aac_tf.audio.gain_shift import GainShift, change_gain

DCASE = dataclasses.replace(DCASE2020, peak_normalize=False)


@pytest.mark.parametrize("spec", [DCASE, YAMNET, AST], ids=lambda spec: spec.name)
@pytest.mark.parametrize("gain_db", [-20.0, 6.0])
def test_gain_is_that_of_the_waveform(spec, gain_db):
    """Also next to the offset of the logarithm, in the quiet end; what is at its floor stays there."""
    waveform = tf.random.stateless_normal([16000], [1, 2]) * tf.linspace(0.1, 1e-6, 16000)
    before = spectrogram(waveform, spec).numpy()
    found = change_gain(before, spec, gain_db)
    silent = before <= spec.silence
    expected = np.where(silent, before, spectrogram(waveform * 10 ** (gain_db / 20), spec))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_shift_is_that_of_the_waveform():
    """Except for the frames that leave one end and enter at the other, which may be off by part of a hop."""
    spec = dataclasses.replace(YAMNET, segment_length=None, segment_hop=None, window_length=320)
    waveform = tf.random.stateless_normal([60 * spec.hop_length], [1, 2])
    before, shifts = spectrogram(waveform, spec).numpy(), set()
    for seed in range(5):
        after = GainShift(spec, shift_seconds=0.1)(before, [seed, 1]).numpy()
        (frames,) = [n for n in range(-10, 11) if np.array_equal(np.roll(before, n, axis=0), after)]
        rolled = spectrogram(tf.roll(waveform, frames * spec.hop_length, 0), spec).numpy()
        same = np.isclose(after, rolled, atol=1e-3).all(axis=1)
        assert same[max(frames, 0) : len(same) + min(frames, 0)].all()
        shifts.add(frames)
    assert len(shifts) > 2


def test_draws_stay_in_range_and_depend_on_the_seed():
    levels = [float(GainShift(AST, gain_db=6.0)(tf.zeros([4, 2]), [seed, 3])[0, 0]) for seed in range(40)]
    limit = 6 * np.log(10) / 10  # power 2
    assert max(np.abs(levels)) <= limit
    assert max(levels) > limit / 2
    assert min(levels) < -limit / 2
    assert levels[7] == float(GainShift(AST, gain_db=6.0)(tf.zeros([4, 2]), [7, 3])[0, 0])


@pytest.mark.parametrize("arguments", [{"gain_db": -1.0}, {"shift_seconds": -0.1}])
def test_invalid_arguments(arguments):
    with pytest.raises(ValueError, match="must not be negative"):
        GainShift(AST, **arguments)
