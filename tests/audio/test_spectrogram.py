import dataclasses

import librosa
import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aac_tf.audio import AST, DCASE2020, SPECS, YAMNET, decode_wav, resample, spectrogram

NOT_CENTRED = dataclasses.replace(YAMNET, name="not centred", segment_length=None, segment_hop=None)


def noise(samples, seed=0):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, samples).astype("f4")


def librosa_log_mel(waveform):
    mel = librosa.feature.melspectrogram(
        y=waveform / np.abs(waveform).max(),
        sr=44100,
        n_fft=1024,
        hop_length=512,
        window="hamming",
        power=1,
        n_mels=64,
        fmin=0,
        fmax=22050,
        pad_mode="constant",
    )
    return np.log(np.maximum(mel, DCASE2020.log_floor)).T


def test_frames_of_fifteen_and_thirty_seconds():
    assert DCASE2020.output_length(15 * 44100) == 1292
    assert DCASE2020.output_length(30 * 44100) == 2584
    assert spectrogram(noise(15 * 44100), DCASE2020).shape == (1292, 64)


@pytest.mark.parametrize("samples", [1024, 1100, 44100, 50001])
def test_agrees_with_librosa(samples):
    np.testing.assert_allclose(
        spectrogram(noise(samples), DCASE2020), librosa_log_mel(noise(samples)), rtol=0, atol=1e-5
    )


@pytest.mark.real_data
def test_agrees_with_librosa_on_real_recordings(real_data):
    paths = sorted((real_data / "clotho_v2.1").glob("*/*.wav"))
    assert paths
    for path in paths:
        waveform, _ = soundfile.read(path, dtype="float32")
        np.testing.assert_allclose(spectrogram(waveform, DCASE2020), librosa_log_mel(waveform), rtol=0, atol=1e-4)


def test_not_centred_agrees_with_tensorflow():
    waveform = noise(16000)
    magnitude = tf.abs(tf.signal.stft(waveform, 400, 160, 512))  # its default is the periodic Hann window
    mel = magnitude @ tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125.0, 7500.0)
    np.testing.assert_allclose(spectrogram(waveform, NOT_CENTRED), tf.math.log(mel + 0.001), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("samples", "frames"),
    [(0, 96), (15600, 96), (15601, 144), (23280, 144), (23281, 192), (15 * 16000, 1536), (30 * 16000, 3024)],
)
def test_yamnet_pads_to_whole_segments(samples, frames):
    assert YAMNET.output_length(samples) == frames
    padded = np.pad(noise(samples), [0, 400 + 160 * (frames - 1) - samples])
    found = spectrogram(noise(samples), YAMNET)
    np.testing.assert_allclose(found, spectrogram(padded, NOT_CENTRED), rtol=0, atol=1e-6)


def test_ast_agrees_with_kaldis_filter_bank():
    waveform = noise(4000) + 0.2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)
    mels = 1127 * np.log1p(np.arange(257)[:, np.newaxis] * 31.25 / 700)
    edges = np.linspace(*(1127 * np.log1p(np.array([20.0, 8000.0]) / 700)), 130)
    rising, falling = (mels - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - mels) / np.diff(edges)[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    rows = []
    for start in range(0, 4000 - 400 + 1, 160):
        frame = waveform[start : start + 400].astype("f8")
        frame = frame - frame.mean()
        frame = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        rows.append(np.abs(np.fft.rfft(frame * window, 512)) ** 2 @ filters)
    expected = np.log(np.maximum(rows, 1.192092955078125e-07))
    np.testing.assert_allclose(spectrogram(waveform, AST)[: len(rows)], expected, rtol=0, atol=1e-4)


def test_silence_is_the_floor():
    found = spectrogram(np.zeros(5000, "f4"), DCASE2020).numpy()
    np.testing.assert_allclose(found, np.log(DCASE2020.log_floor), rtol=1e-6)


def test_peak_normalization_removes_loudness():
    waveform = noise(5000)
    np.testing.assert_allclose(spectrogram(1e-3 * waveform, DCASE2020), spectrogram(waveform, DCASE2020), atol=1e-4)


def test_one_clip_with_length():
    found = spectrogram(np.concatenate([noise(3000), np.ones(2000, "f4")]), DCASE2020, 3000).numpy()
    np.testing.assert_allclose(found[:6], spectrogram(noise(3000), DCASE2020), atol=1e-5)
    assert not found[6:].any()


@pytest.mark.parametrize("spec", [*SPECS.values(), NOT_CENTRED], ids=lambda spec: spec.name)
def test_float32_transform_and_external_filter_bank(spec):
    expected = spectrogram(noise(8000), spec)
    found = spectrogram(noise(8000), spec, dtype=tf.float32)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    found = spectrogram(noise(8000), spec, mel_matrix=tf.constant(spec.mel_matrix()[:, :10]))
    np.testing.assert_allclose(found, expected[:, :10], rtol=0, atol=1e-5)


def test_in_a_pipeline():
    clips = tf.data.Dataset.from_tensors(noise(3000)).map(lambda x: spectrogram(x, DCASE2020), num_parallel_calls=2)
    assert clips.element_spec.shape.as_list() == [None, 64] or clips.element_spec.shape.as_list() == [6, 64]
    np.testing.assert_allclose(next(iter(clips)), spectrogram(noise(3000), DCASE2020), atol=1e-6)


def test_saved_model_runs_in_plain_tensorflow(tmp_path, plain_tensorflow):
    class Frontend(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def from_wav(self, contents):
            waveform, rate = decode_wav(contents)
            return spectrogram(resample(waveform, rate, 44100), DCASE2020)

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)])
        def from_batch(self, waveform, length):
            return spectrogram(waveform, DCASE2020, length)

    frontend = Frontend()
    tf.saved_model.save(frontend, str(tmp_path / "model"))
    soundfile.write(tmp_path / "clip.wav", noise(16000), 16000, subtype="PCM_24")
    batch, length = noise([2, 6000]), np.array([6000, 2000], "i4")
    np.savez(
        tmp_path / "expected.npz",
        batch=batch,
        length=length,
        from_wav=frontend.from_wav(tf.io.read_file(str(tmp_path / "clip.wav"))),
        from_batch=frontend.from_batch(batch, length),
    )
    # A process with neither tensorflow-io nor this package cannot load operations that core TensorFlow lacks.
    program = """
import sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load("model")
expected = np.load("expected.npz")
found = model.from_wav(tf.io.read_file("clip.wav")).numpy()
assert np.abs(found - expected["from_wav"]).max() < 1e-4, np.abs(found - expected["from_wav"]).max()
found = model.from_batch(expected["batch"], expected["length"]).numpy()
assert np.abs(found - expected["from_batch"]).max() < 1e-4
assert not {"aac_tf", "tensorflow_io"} & set(sys.modules)
"""
    plain_tensorflow(program, folder=tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window_length": 2048}, "window_length"),
        ({"hop_length": 0}, "hop_length"),
        ({"window": "kaiser"}, "window"),
        ({"power": 3.0}, "power"),
        ({"log_floor": 0.0}, "log_floor"),
        ({"fmax": 30000.0}, "fmax"),
        ({"mel_scale": "bark"}, "mel scale"),
        ({"segment_length": 96, "segment_hop": 48}, "not centred"),
        ({"centered": False, "segment_length": 96}, "segment_hop"),
        ({"centered": False, "segment_hop": 48}, "segment_hop"),
    ],
)
def test_invalid_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(DCASE2020, **change)
