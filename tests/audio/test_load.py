import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aac_tf.audio import AudioError, load_audio, read_audio


@pytest.fixture
def write(tmp_path):
    def write(samples, name="clip.wav", rate=16000, **kwargs):
        path = tmp_path / name
        soundfile.write(path, samples, rate, **kwargs)
        return path

    return write


def tone(samples=16000):
    return 0.5 * np.sin(np.arange(samples) / 10)


def test_native_and_resampled_rate(write):
    path = write(tone())
    waveform, rate = load_audio(path)
    assert (rate, type(rate), waveform.shape, waveform.dtype) == (16000, int, [16000], tf.float32)
    np.testing.assert_allclose(waveform, tone(), atol=4e-5)
    waveform, rate = load_audio(str(path), 44100)
    assert (rate, waveform.shape) == (44100, [44100])


def test_names_with_spaces_and_umlauts(write):
    assert load_audio(write(tone(), " a b ü.wav"))[0].shape == [16000]


def bad_files(tmp_path, write):
    nan = tone()
    nan[100] = np.nan
    infinite = tone()
    infinite[5] = np.inf
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.mp3").write_bytes(b"not a sound at all\n" * 50)
    (tmp_path / "cut.wav").write_bytes(write(tone(), "whole.wav").read_bytes()[:-500])
    return {
        tmp_path / "missing.wav": "no such file",
        tmp_path: "a directory, not a file",
        tmp_path / "empty.wav": "the file is empty",
        tmp_path / "text.mp3": "not a sound file, or one of an unknown format",
        tmp_path / "cut.wav": "truncated: expected 32000 bytes of audio, found 31500",
        write(nan, "nan.wav", subtype="FLOAT"): "NaN or infinite samples",
        write(infinite, "inf.wav", subtype="FLOAT"): "NaN or infinite samples",
        write(np.zeros(16000), "silent.wav"): "silent: every sample is zero",
        write(tone(799), "short.wav"): "shorter than 0.05 s",
        write(tone(1) + 0.1, "one.wav"): "shorter than 0.05 s",
        write(tone(0), "none.wav"): "the file contains no samples",
    }


def test_every_bad_file_has_a_reason(tmp_path, write):
    for path, reason in bad_files(tmp_path, write).items():
        with pytest.raises(AudioError) as caught:
            load_audio(path)
        assert isinstance(caught.value, ValueError)
        assert (caught.value.path, caught.value.reason) == (path, reason)
        assert str(caught.value) == f"{path}: {reason}"


def test_ten_minutes(write):
    samples = np.tile(tone(8000).astype("f4"), 1200)
    waveform, _ = load_audio(write(samples), 22050)
    assert waveform.shape == [13230000]
    assert 0.3 < np.std(waveform[-22050:]) < 0.4


def test_read_audio_in_a_parallel_pipeline(write):
    paths = [
        str(write(tone(rate * 2), f"{form}{rate}.{form}", rate))
        for form in ("wav", "flac", "ogg")
        for rate in (8000, 44100)
    ]
    waveforms = tf.data.Dataset.from_tensor_slices(paths).map(
        lambda path: read_audio(path, 16000), num_parallel_calls=2
    )
    assert waveforms.element_spec == tf.TensorSpec([None], tf.float32)
    for path, waveform in zip(paths, waveforms):
        np.testing.assert_allclose(waveform, load_audio(path, 16000)[0], atol=1e-6)


def test_a_bad_file_stops_the_pipeline(write):
    path = str(write(np.zeros(16000)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="silent"):
        list(tf.data.Dataset.from_tensors(path).map(lambda path: read_audio(path, 16000)))


@pytest.mark.real_data
def test_real_recordings_agree_with_soundfile(real_data):
    paths = sorted((real_data / "clotho_v2.1").glob("*/*.wav"))[:4] + sorted((real_data / "esc10").glob("*/*.ogg"))[:8]
    assert len(paths) == 12
    for path in paths:
        expected, expected_rate = soundfile.read(path, dtype="float32")
        waveform, rate = load_audio(path)
        assert rate == expected_rate
        np.testing.assert_allclose(waveform, expected if expected.ndim == 1 else expected.mean(axis=1), atol=1e-6)
