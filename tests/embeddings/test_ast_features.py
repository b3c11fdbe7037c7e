import dataclasses

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from layer_checks import check_layer

from aac_tf.audio import AST, SpecAugment, resample, spectrogram
from aac_tf.embeddings import TFASTFeatureExtractor
from aac_tf.embeddings.ast.features import normalize

UNSEGMENTED = dataclasses.replace(AST, segment_length=None, segment_hop=None)


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0.05, 0.1, samples).astype("f4")


@pytest.fixture(scope="module")
def theirs():
    """transformers' extractor; works without torchaudio, but pads with PyTorch."""
    pytest.importorskip("torch")
    from transformers import ASTFeatureExtractor

    def extract(waveform, **settings):
        return ASTFeatureExtractor(**settings)(waveform, sampling_rate=16000, return_tensors="np")["input_values"]

    return extract


@pytest.mark.parametrize("samples", [400, 5000, 16000, 164000, 200000])
def test_agrees_with_transformers(theirs, samples):
    waveform = noise(samples)
    found = TFASTFeatureExtractor()(waveform[np.newaxis])
    assert found.shape == (1, 1024, 128)
    np.testing.assert_allclose(found, theirs(waveform), rtol=0, atol=1e-4)


def test_agrees_with_transformers_at_other_settings(theirs):
    settings = {"num_mel_bins": 64, "max_length": 200, "mean": -6.8, "std": 5.5}
    waveform = noise(20000)
    np.testing.assert_allclose(
        TFASTFeatureExtractor(**settings)(waveform[np.newaxis]), theirs(waveform, **settings), rtol=0, atol=1e-4
    )
    raw = TFASTFeatureExtractor(do_normalize=False)(waveform[np.newaxis])
    np.testing.assert_allclose(raw, theirs(waveform, do_normalize=False), rtol=0, atol=1e-3)


@pytest.mark.real_data
def test_agrees_with_transformers_on_real_clips(theirs, real_data):
    paths = (
        sorted((real_data / "clotho_v2.1").glob("*/*.wav"))[::4] + sorted((real_data / "esc10").rglob("*.wav"))[::80]
    )
    assert len(paths) >= 6
    extractor = TFASTFeatureExtractor(max_length=3000)
    for path in paths:
        waveform, rate = soundfile.read(path, dtype="float32")
        waveform = resample(waveform, rate, 16000).numpy()
        found = extractor(waveform[np.newaxis])
        np.testing.assert_allclose(found, theirs(waveform, max_length=3000), rtol=0, atol=1e-4)


def test_segments_agree_with_yamnet():
    from aac_tf.audio import YAMNET

    for samples in (0, 15600, 15601, 100000):
        assert AST.output_length(samples) == YAMNET.output_length(samples)


def test_padding_is_zero_before_normalization():
    batch = np.full([2, 9000], 7.0, "f4")
    batch[0, :4000], batch[1] = noise(4000), noise(9000)
    extractor = TFASTFeatureExtractor(max_length=40)
    found = extractor(batch, [4000, 9000])
    assert found.shape == (2, 40, 128)
    for row, samples in zip(found, (4000, 9000)):
        np.testing.assert_allclose(row, extractor(noise(samples)[np.newaxis])[0], rtol=0, atol=1e-5)
    frames = UNSEGMENTED.output_length(4000)
    np.testing.assert_allclose(found[0, frames:], 4.2677393 / (2 * 4.5689974), rtol=1e-6)


def test_masks_come_before_normalization():
    fbank = spectrogram(noise(30000)[np.newaxis], UNSEGMENTED)
    masked = SpecAugment(20, 20, probability=1.0, mask_value=0.0)(fbank[0], seed=[1, 2])
    np.testing.assert_allclose(
        normalize(masked), np.where(masked == 0, 4.2677393 / 9.1379948, normalize(fbank)[0]), rtol=1e-5, atol=1e-6
    )
    assert np.any(masked == 0)


def test_one_trace_for_all_lengths():
    extractor = TFASTFeatureExtractor(max_length=100)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)])
    def extract(waveform, length):
        values = extractor(waveform, length)
        assert values.shape.as_list() == [None, 100, 128]
        return values

    for samples in (1, 4000, 30000):
        found = extract(noise([2, samples]), [samples, samples])
        assert found.shape == (2, 100, 128)
        assert np.isfinite(found).all()
    assert extract.experimental_get_tracing_count() == 1


def test_as_a_layer():
    waveform = noise([2, 5000])
    check_layer(
        TFASTFeatureExtractor(max_length=20),
        lambda layer: layer(waveform, [5000, 300]),
        expected_output_shape=(2, 20, 128),
        expected_output_dtype="float32",
    )


def test_max_length_must_be_positive():
    with pytest.raises(ValueError, match="max_length"):
        TFASTFeatureExtractor(max_length=0)
