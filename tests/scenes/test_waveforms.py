import numpy as np
import pytest

from aac_tf.scenes.waveforms import fade, trim_silence

RATE = 16000


def test_trim_silence_cuts_the_ends_and_keeps_pauses():
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    padded = np.concatenate([np.zeros(RATE // 2), tone, np.zeros(RATE)])
    waveform = np.concatenate([padded, padded]).astype(np.float32)
    trimmed = trim_silence(waveform, RATE)
    assert len(trimmed) == pytest.approx(3.5 * RATE, abs=0.04 * RATE)
    assert trim_silence(np.zeros(RATE, np.float32), RATE).size == 0
    assert trim_silence(np.zeros(0, np.float32), RATE).size == 0


def test_fade_ramps_the_ends_of_a_copy():
    waveform = np.ones(RATE, np.float32)
    faded = fade(waveform, RATE)
    assert faded[0] == faded[-1] == 0
    assert (faded[32:-320] == 1).all()
    assert (np.diff(faded[:32]) > 0).all()
    assert (np.diff(faded[-320:]) < 0).all()
    assert (waveform == 1).all()
