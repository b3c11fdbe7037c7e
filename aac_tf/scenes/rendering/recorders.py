"""What a recorder adds to a scene: noise, a narrow band, an encoding, distortion and a level.

No scene may hold a sound that its caption does not name, so the noise is that of quiet places and of microphones.
"""

from __future__ import annotations

import io

import numpy as np

from aac_tf.scenes.rendering.filters import gain, high_pass, low_pass

_NOISE_BELOW_DB = (10.0, 42.0)  # level of the noise below the loudest sound
_HUM = 0.12  # share of scenes with the hum of the mains
_NARROW = 0.3  # share of scenes with a narrow band
_NARROW_HZ = (3000.0, 8000.0)
_NO_BASS = 0.25  # share of scenes recorded by a small microphone
_COMPRESSED, _CLIPPED = 0.08, 0.04  # shares of scenes
_PEAK_DB = (-35.0, -0.3)
_HEADROOM_DB = 8.0  # mean of how far peaks lie below the highest
_CODECS = {"none": 0.7, "mu-law": 0.07, "8 bit": 0.05, "vorbis": 0.12, "mp3": 0.06}
_STRONGEST = 0.999  # compression; libsndfile refuses the very strongest of MP3


def ambience(n: int, level_db: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of random colour, sometimes with a quiet hum.

    Args:
        n: number of samples.
        level_db: its RMS level, dB relative to full scale.
        sample_rate: Hz.
        rng: random generator.

    Returns:
        [n], float32.
    """
    white = rng.standard_normal(n, dtype=np.float32)
    dull = low_pass(white, 20 * 400 ** rng.uniform(), sample_rate)
    dull /= dull.std() + 1e-9
    noise = dull + white * gain(rng.uniform(-24, 3))
    noise /= noise.std()
    if rng.uniform() < _HUM:
        mains = float(rng.choice([50.0, 60.0])) * np.arange(1, 7)
        phases = (2 * np.pi / sample_rate * mains[:, None] * np.arange(n)).astype(np.float32)
        strengths = np.float32(rng.uniform(0, 1, 6) / np.arange(1, 7))
        hum = strengths @ np.sin(phases)
        noise += hum * (gain(rng.uniform(-6, 3)) / (hum.std() + np.float32(1e-9)))
    return noise * gain(level_db)


def noise_level(sounds_db: list[float], rng: np.random.Generator) -> float:
    """Draws the level of the noise: below the loudest sound, and below all others, too."""
    return min(max(sounds_db) - rng.uniform(*_NOISE_BELOW_DB), min(sounds_db) - 6.0)


def record(mix: np.ndarray, sample_rate: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Records a mix of sounds.

    Args:
        mix: [samples], float32, at any level.
        sample_rate: Hz.
        rng: random generator.

    Returns:
        (waveform [samples], float32 between -1 and 1; the gain that it got, dB).
    """
    if rng.uniform() < _NARROW:
        cutoff = rng.uniform(*_NARROW_HZ)
        mix = low_pass(mix, cutoff, sample_rate, order=4) if cutoff < 0.48 * sample_rate else mix
    if rng.uniform() < _NO_BASS:
        mix = high_pass(mix, rng.uniform(60, 350), sample_rate)
    peak = float(np.abs(mix).max()) + 1e-9
    distortion = rng.uniform()
    if distortion < _COMPRESSED:
        drive = rng.uniform(1.0, 3.0)
        mix = np.tanh(mix * np.float32(drive / peak))
    elif distortion < _COMPRESSED + _CLIPPED:
        limit = np.float32(peak / rng.uniform(1.3, 2.5))
        mix = np.clip(mix, -limit, limit)
    scale = _recording_gain(mix, rng)
    recorded = np.clip(_encode(mix * scale, sample_rate, rng), -0.98, 0.98)
    factor = float(scale) if distortion >= _COMPRESSED else float(scale * drive / peak)
    return recorded, 20 * float(np.log10(factor))


def set_level(mix: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Scales a mix of sounds to a level of those that `record` draws, without any other change.

    Args:
        mix: [samples], float32, at any level.
        rng: random generator.

    Returns:
        As for `record`.
    """
    scale = _recording_gain(mix, rng)
    return np.clip(mix * scale, -0.98, 0.98), 20 * float(np.log10(scale))


def _recording_gain(mix, rng):
    low, high = _PEAK_DB
    target = max(low, high - rng.exponential(_HEADROOM_DB))
    return gain(target) / (np.float32(np.abs(mix).max()) + np.float32(1e-9))


def _encode(waveform, rate, rng):
    """Encodes and decodes by a codec, drawn at random."""
    codec = rng.choice(list(_CODECS), p=list(_CODECS.values()))
    if codec == "mu-law":
        levels = np.round(np.sign(waveform) * np.log1p(255 * np.abs(waveform)) / np.log(256) * 127) / 127
        return (np.sign(levels) * np.expm1(np.abs(levels) * np.log(256)) / 255).astype(np.float32)
    if codec == "8 bit":
        # With dither, as otherwise a quiet scene would be gone.
        return np.round(waveform * 127 + rng.uniform(-0.5, 0.5, len(waveform)).astype(np.float32)) / np.float32(127)
    if codec in ("vorbis", "mp3"):
        kind = {"vorbis": ("OGG", "VORBIS"), "mp3": ("MP3", "MPEG_LAYER_III")}[codec]
        return _through_file(waveform, rate, *kind, min(rng.uniform(0.5, 1.0), _STRONGEST))
    return waveform


def _through_file(waveform, rate, kind, subtype, compression_level):
    import soundfile

    with io.BytesIO() as file:
        soundfile.write(file, waveform, rate, format=kind, subtype=subtype, compression_level=compression_level)
        file.seek(0)
        decoded = soundfile.read(file, dtype="float32")[0]
    return np.pad(decoded, (0, max(0, len(waveform) - len(decoded))))[: len(waveform)]
