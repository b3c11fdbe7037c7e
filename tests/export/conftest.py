"""Sound files and their captions."""

import numpy as np
import pytest
import soundfile


def chirp(samples, rate, seed):
    """A chirp with noise, float32 `[samples]`."""
    rng, time = np.random.default_rng(seed), np.arange(samples) / rate
    low, high = rng.uniform(200, 3000, 2)
    whistle = np.sin(2 * np.pi * (low * time + high * time**2 / 4)) * np.sin(2 * np.pi * rng.uniform(1, 4) * time) ** 2
    return (0.4 * whistle + 0.05 * rng.normal(size=samples)).astype(np.float32)


@pytest.fixture(scope="session")
def wavs(tmp_path_factory):
    """Paths of WAV files of several rates, depths, channels and lengths."""
    folder = tmp_path_factory.mktemp("wavs")
    kinds = [
        (8000, "PCM_U8", 1, 1.1),
        (16000, "PCM_16", 1, 2.3),
        (22050, "PCM_24", 2, 0.7),
        (44100, "PCM_32", 2, 1.6),
        (48000, "FLOAT", 1, 0.06),
    ]
    paths = []
    for seed, (rate, encoding, channels, seconds) in enumerate(kinds):
        sound = np.stack([chirp(int(seconds * rate), rate, 2 * seed + channel) for channel in range(channels)], axis=1)
        paths.append(folder / f"{rate}.wav")
        soundfile.write(paths[-1], sound, rate, subtype=encoding)
    return paths


@pytest.fixture(scope="session")
def expected(one_captioner, wavs):
    """Captions of the WAV files by `one_captioner`."""
    return one_captioner.caption(wavs)
