"""The contract of waveforms."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import AudioError, parts, resample
from aac_tf.audio.levels import limit_in_graph
from aac_tf.audio.waveforms import is_single, read_waveform

RATE = 16000
TONE = (0.5 * np.sin(np.arange(RATE) * 0.1)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "f2", "f4", "f8"])
def test_numbers_are_scaled_by_their_type(dtype):
    sound = TONE
    if dtype[0] != "f":
        info = np.iinfo(dtype)
        sound = TONE.astype(np.float64) * 2.0 ** (info.bits - 1) + (2.0 ** (info.bits - 1) if info.min == 0 else 0)
    found = read_waveform(np.round(sound).astype(dtype) if dtype[0] != "f" else sound.astype(dtype), RATE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, TONE, atol=2e-2 if dtype in ("i1", "u1") else 1e-3)


@pytest.mark.parametrize("dtype", ["f4", "i2"])
def test_long_sounds_are_resampled_in_parts(monkeypatch, dtype):
    seconds, rates = 95, (44100, 16000)
    sound = np.random.default_rng(0).uniform(-9000, 9000, seconds * rates[0]).astype(dtype)
    sound = sound / np.float32(32768) if dtype == "f4" else sound
    expected = resample(sound if dtype == "f4" else sound / np.float32(32768), *rates)
    np.testing.assert_allclose(read_waveform(sound, rates[1], rates[0]), expected, rtol=0, atol=2e-6)
    sizes, windows = [], parts._windows
    monkeypatch.setattr(parts, "_windows", lambda *given: (sizes.append(len(one[2])) or one for one in windows(*given)))
    read_waveform(sound, rates[1], rates[0])
    assert len(sizes) == 4
    assert max(sizes) <= 33 * rates[0]


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16, tf.float32, tf.float64])
def test_tensors(dtype):
    np.testing.assert_allclose(read_waveform(tf.cast(TONE, dtype), RATE), TONE, atol=2e-3)


def test_the_longer_axis_is_time():
    other = 0.5 * TONE
    for channels in (np.stack([TONE, other]), np.stack([TONE, other], axis=1)):
        np.testing.assert_allclose(read_waveform(channels, RATE), 0.75 * TONE, atol=1e-6)
    np.testing.assert_allclose(read_waveform(TONE[np.newaxis], RATE), TONE)


def test_channels_that_cancel_each_other_are_not_silence():
    np.testing.assert_allclose(read_waveform(np.stack([TONE, -TONE]), RATE), TONE)
    with pytest.raises(AudioError, match="silent"):
        read_waveform(np.zeros([2, RATE]), RATE)


def test_rates():
    assert read_waveform(np.ones(44100), RATE, 44100).shape == (RATE,)
    assert read_waveform((np.ones(8000), np.int64(8000)), RATE, 44100).shape == (RATE,)
    for rate in (0, -1, 16000.5, "fast", True, float("nan"), 10**9):
        with pytest.raises(AudioError, match="sample_rate must be"):
            read_waveform(TONE, RATE, rate)


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (b"RIFF", "bytes are no waveform"),
        (np.zeros(RATE, complex), "got complex128"),
        (np.zeros(RATE, bool), "got bool"),
        (np.array(["a.wav"]), "pass several sounds as a list"),
        (np.array([None, 1]), "got object"),
        (tf.constant(["a.wav"]), "got object"),
        (tf.ragged.constant([[1.0], [1.0, 2.0]]), "RaggedTensor is no waveform"),
        ([[1.0], [1.0, 2.0]], "not convertible"),
        ((RATE, TONE), "not convertible"),
        ({"array": TONE}, "dict is no waveform"),
        (None, "NoneType is no waveform"),
        (np.float32(1), r"got \[\]"),
        (np.zeros([16, RATE]), "16 channels, more than 8: pass several clips as a list"),
        (np.arange(RATE) % 1000, "int64 samples have no full scale"),
        ([], "no samples"),
        (TONE[:799], r"shorter than 0\.05 s"),
        (np.full(RATE, 1e39), "NaN or infinite"),
        (np.full(RATE, 10001.0), "samples beyond ±10000: full scale is 1"),
    ],
)
def test_what_cannot_be_captioned_is_refused(sound, reason):
    with pytest.raises(AudioError, match=reason):
        read_waveform(sound, RATE)


def test_sounds_far_above_full_scale_are_scaled_down(caplog):
    np.testing.assert_allclose(read_waveform(100 * TONE, RATE), TONE / np.abs(TONE).max(), atol=1e-6)
    assert "scaled down" in caplog.text
    np.testing.assert_allclose(read_waveform(4 * TONE, RATE), 4 * TONE)
    rows = np.stack([100 * TONE, 4 * TONE, TONE])
    limited = limit_in_graph(tf.constant(rows), tf.constant([True, True, False])).numpy()
    np.testing.assert_allclose(limited, [TONE / np.abs(TONE).max(), 4 * TONE, 0 * TONE], atol=1e-5)


def test_an_array_is_one_sound_and_a_list_is_a_batch():
    for one in ("a.wav", b"", TONE, tf.constant(TONE), np.stack([TONE, TONE]), (TONE, RATE), [0.1, 0.2], None, 3, {}):
        assert is_single(one)
    for several in ([], ["a.wav"], ("a.wav", "b.wav"), [TONE], (TONE, TONE), [[0.1, 0.2]], iter(["a.wav"])):
        assert not is_single(several)
