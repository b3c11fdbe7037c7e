import numpy as np
import pytest
import soxr
import tensorflow as tf

from aac_tf.audio import resample, resampled_length

PAIRS = [(44100, 16000), (16000, 44100), (48000, 44100), (22050, 44100), (8000, 44100), (44100, 8000), (11025, 48000)]
scalar = tf.TensorSpec([], tf.int32)
in_graph = tf.function(resample, input_signature=[tf.TensorSpec([None], tf.float32), scalar, scalar])


def band_limited(rate_in, rate_out, seconds=2, slope=0.0):
    """Periodic noise below 0.9 of the lower Nyquist frequency at both rates; the second is the exact resampling."""
    size_in, size_out = rate_in * seconds, rate_out * seconds
    frequency = np.fft.rfftfreq(size_in, 1 / rate_in)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(size_in)) / np.maximum(frequency, 50) ** slope
    spectrum[frequency > 0.45 * min(rate_in, rate_out)] = 0
    before = np.fft.irfft(spectrum, size_in)
    resized = np.zeros(size_out // 2 + 1, complex)
    shared = min(len(spectrum), len(resized))
    resized[:shared] = spectrum[:shared]
    after = np.fft.irfft(resized, size_out) * size_out / size_in
    peak = np.abs(before).max()
    return before / peak, after / peak


def snr(expected, found):
    return 10 * np.log10(np.sum(np.square(expected)) / np.sum(np.square(expected - found)))


@pytest.mark.parametrize("slope", [0.0, 1.0], ids=["white", "falling like music"])
@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_pass_band_is_unchanged_and_without_delay(rate_in, rate_out, slope):
    before, after = band_limited(rate_in, rate_out, slope=slope)
    found = in_graph(before, rate_in, rate_out).numpy()
    inside = slice(rate_out // 20, -rate_out // 20)  # near the ends, the periodic sound differs from the finite one
    assert snr(after[inside], found[inside]) > 100


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_agrees_with_soxr(rate_in, rate_out):
    before, _ = band_limited(rate_in, rate_out, slope=1.0)
    expected = soxr.resample(before, rate_in, rate_out, quality="VHQ")
    found = in_graph(before, rate_in, rate_out).numpy()[: len(expected)]
    assert snr(expected, found) > 60


@pytest.mark.parametrize(("rate_in", "rate_out"), [(44100, 16000), (48000, 44100), (44100, 8000)])
def test_no_aliasing(rate_in, rate_out):
    time = np.arange(rate_in) / rate_in
    above = np.sin(2 * np.pi * 1.01 * rate_out / 2 * time) * np.hanning(rate_in)
    assert np.abs(in_graph(above, rate_in, rate_out)).max() < 1e-5


def test_lengths():
    assert resampled_length(15 * 44100, 44100, 16000) == 15 * 16000
    for rate_in, rate_out in PAIRS:
        for samples in (0, 1, 2, 3, 160, 441, 1000, 4411):
            length = resampled_length(samples, rate_in, rate_out)
            assert length == int(np.ceil(samples * rate_out / rate_in))
            assert resampled_length(tf.constant([samples]), rate_in, tf.constant(rate_out)).numpy() == [length]
            sound = np.ones(samples, "f4")
            assert in_graph(sound, rate_in, rate_out).shape == [length]
    hour = tf.constant(3600 * 48000)
    assert resampled_length(hour, 48000, 44100) == 3600 * 44100


def test_equal_rates_change_nothing():
    sound = tf.random.stateless_normal([1000], [1, 2])
    assert resample(sound, 16000, 16000) is sound
    np.testing.assert_array_equal(in_graph(sound, 16000, 16000), sound)


@pytest.mark.parametrize("samples", [0, 1, 441, 5000, 30011])
@pytest.mark.parametrize(
    ("rate_in", "rate_out"), [*PAIRS, (48000, 16000), (44101, 16000), (96000, 8000), (11025, 192000)]
)
def test_static_and_dynamic_rates_agree(rate_in, rate_out, samples):
    sound = band_limited(rate_in, rate_out)[0][:samples].astype("f4")
    expected = in_graph(sound, rate_in, rate_out)
    np.testing.assert_allclose(resample(sound, rate_in, rate_out), expected, rtol=0, atol=2e-6)
    pair = resample(np.stack([np.zeros_like(sound), sound]), rate_in, rate_out)
    np.testing.assert_allclose(pair, [np.zeros_like(expected), expected], rtol=0, atol=2e-6)


def test_padding_on_the_right_changes_no_valid_sample():
    sound = np.random.default_rng(3).standard_normal(5000).astype("f4")
    for rate_in, rate_out in PAIRS:
        alone = resample(sound, rate_in, rate_out)
        batch = np.zeros([2, 9000], "f4")
        batch[0, :5000] = sound
        batch[1] = 1.0
        np.testing.assert_allclose(resample(batch, rate_in, rate_out)[0, : len(alone)], alone, atol=1e-5)


def test_unusual_rates_keep_pitch_and_length():
    time = np.arange(44101) / 44101
    found = in_graph(np.sin(2 * np.pi * 1000 * time), 44101, 16000).numpy()
    assert len(found) == 16000
    expected = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    assert snr(expected[500:-500], found[500:-500]) > 40


def test_invalid_rates():
    for rates in ((0, 16000), (16000, -1), (10, 48000)):
        with pytest.raises(ValueError, match="cannot resample"):
            resample(tf.zeros([10]), *rates)


@pytest.mark.real_data
def test_real_recording_agrees_with_soxr(real_data):
    import soundfile

    sound, rate = soundfile.read(sorted((real_data / "clotho_v2.1").glob("*/*.wav"))[0], dtype="float32")
    expected = soxr.resample(sound, rate, 16000, quality="VHQ")
    found = in_graph(sound, rate, 16000).numpy()[: len(expected)]
    assert snr(expected, found) > 60
    assert np.argmax(np.correlate(found[8000:16000], expected[8100:15900], "valid")) == 100
