"""Everyday sounds synthesized with NumPy, recognisable by ear, each rendition different."""

from __future__ import annotations

from typing import Optional

import numpy as np
from scipy import signal

_FADE_SECONDS = 0.02


# --- building blocks of the synthesizers; `n` is a number of samples, `rate` samples a second -------------------------


def _noise(rng, n):
    return rng.standard_normal(n, dtype=np.float32)


def _band(x, rate, low=None, high=None, order=1):
    high = None if high is None else min(high, 0.45 * rate)
    if low is None:
        sos = signal.butter(order, high, "lowpass", fs=rate, output="sos")
    elif high is None:
        sos = signal.butter(order, low, "highpass", fs=rate, output="sos")
    else:
        sos = signal.butter(order, (low, high), "bandpass", fs=rate, output="sos")
    return signal.sosfilt(sos, x)


def _drift(rng, n, rate, per_second, low=0.0, high=1.0):
    """Smooth random curve between two values that turns about `per_second` times a second."""
    knots = max(2, int(np.ceil(n / rate * per_second)) + 2)
    start = rng.uniform()
    return np.interp(np.arange(n) / rate * per_second + start, np.arange(knots + 1), rng.uniform(low, high, knots + 1))


def _tone(frequency, rate):
    return np.sin(2 * np.pi * np.cumsum(frequency) / rate)


def _decay(n, rate, seconds):
    return np.exp(-np.arange(n) / (seconds * rate))


def _hump(n, attack=0.1, release=0.3):
    """Envelope from 0 up to 1 and back; attack and release are shares of its length."""
    position = np.arange(n) / max(n, 1)
    return np.clip(position / attack, 0, 1) * np.clip((1 - position) / release, 0, 1)


def _add(out, piece, start):
    start = int(start)
    if start < len(out):
        piece = piece[: len(out) - start]
        out[start : start + len(piece)] += piece


def _train(rng, seconds, period, jitter, first=0.0):
    """Onsets in seconds, one a period, each moved by up to `jitter` of it."""
    onsets = np.arange(first, seconds, period)
    return np.maximum(0, onsets + rng.uniform(-jitter, jitter, len(onsets)) * period)


def _room(rng, x, rate, seconds, wet):
    """Adds the reverberation of a room: decaying noise, of which `wet` is the level."""
    echo = _band(_noise(rng, int(3 * seconds * rate)), rate, 150, 4000) * _decay(int(3 * seconds * rate), rate, seconds)
    echo = signal.fftconvolve(x, echo / np.sqrt(np.square(echo).sum()))[: len(x)]
    return x + wet * echo


# --- sustained sounds: any length ------------------------------------------------------------------------------------


def _rain(rng, n, rate):
    hiss = _band(_noise(rng, n), rate, rng.uniform(300, 900), rng.uniform(5000, 7000))
    drops = np.zeros(n)
    count = int(n / rate * rng.uniform(400, 1500))
    drops[rng.integers(0, n, count)] = rng.exponential(1.0, count)
    drops = _band(drops, rate, rng.uniform(1200, 2200), rng.uniform(4500, 7000))
    return (hiss / hiss.std() + rng.uniform(0.5, 1.2) * drops / drops.std()) * _drift(rng, n, rate, 0.7, 0.85, 1.1)


def _wind(rng, n, rate):
    gust = _drift(rng, n, rate, rng.uniform(0.5, 0.9), 0.2, 1.0)
    rumble = _band(_noise(rng, n), rate, 40, rng.uniform(120, 200))
    out = gust * rumble / rumble.std()
    # The pitch of the howl rises with the gust: neighbouring bands take over from one another.
    centres = rng.uniform(220, 300) * 1.3 ** np.arange(5)
    for index, centre in enumerate(centres):
        howl = _band(_noise(rng, n), rate, centre / 1.08, centre * 1.08, order=2)
        out += 0.7 * gust * np.exp(-((5 * gust - index) ** 2)) * howl / howl.std()
    return out


def _waves(rng, n, rate):
    period = rng.uniform(2.6, 4.2)
    phase = (np.arange(n) / rate / period + rng.uniform()) % 1.0
    swell = np.where(phase < 0.35, (phase / 0.35) ** 2, np.exp(-(phase - 0.35) * rng.uniform(3.0, 4.5)))
    roar = _band(_noise(rng, n), rate, 80, rng.uniform(500, 800))
    wash = _band(_noise(rng, n), rate, rng.uniform(700, 1200), 5000)
    wave = (0.2 + swell) * roar / roar.std() + rng.uniform(0.5, 0.8) * swell**1.5 * wash / wash.std()
    return wave


def _crickets(rng, n, rate):
    out = np.zeros(n)
    time = np.arange(n) / rate
    carrier, tempo, pulses = rng.uniform(5000, 5700), rng.uniform(2.2, 3.2), rng.uniform(32, 60)
    for loudness in (1.0, *rng.uniform(0.2, 0.8, 3)):
        place = (time * tempo * rng.uniform(0.9, 1.1) + rng.uniform()) % 1.0 / tempo * pulses
        chirp = (place < rng.integers(3, 9)) * np.sin(np.pi * (place % 1.0))
        out += loudness * chirp * np.sin(2 * np.pi * carrier * rng.uniform(0.96, 1.04) * time)
    night = _band(_noise(rng, n), rate, 900, 7000)
    return out / out.std() + rng.uniform(0.01, 0.03) * night / night.std()


def _engine(rng, n, rate):
    firing = rng.uniform(24, 34) * (
        1 + 0.04 * _drift(rng, n, rate, 0.5, -1, 1) + 0.02 * _drift(rng, n, rate, 15, -1, 1)
    )
    phase = np.cumsum(firing) / rate
    stroke = phase.astype(int)
    strength = np.resize(rng.uniform(0.9, 1.0, 4), stroke[-1] + 1)
    bursts = strength[stroke] * np.exp(-6 * (phase % 1.0))
    hum = _band(bursts - bursts.mean(), rate, 40, rng.uniform(140, 220), order=2)
    exhaust = _band(_noise(rng, n) * bursts, rate, 60, rng.uniform(1800, 2600))
    hiss = _band(_noise(rng, n), rate, 300, rng.uniform(1900, 2600)) * (0.7 + 0.5 * bursts)
    return hum / hum.std() + rng.uniform(0.3, 0.4) * exhaust / exhaust.std() + rng.uniform(0.5, 0.7) * hiss / hiss.std()


def _helicopter(rng, n, rate):
    blades = rng.uniform(11, 17) * (1 + 0.02 * _drift(rng, n, rate, 1, -1, 1))
    phase = (np.cumsum(blades) / rate) % 1.0
    chop = np.exp(-((phase - 0.3) ** 2) / 0.015)
    thump = _band(_noise(rng, n), rate, 50, rng.uniform(250, 450), order=2)
    whoosh = _band(_noise(rng, n), rate, 300, rng.uniform(1500, 2800))
    near = _drift(rng, n, rate, 0.4, 0.7, 1.0)
    return near * ((0.2 + chop) * thump / thump.std() + rng.uniform(0.3, 0.5) * (0.4 + chop) * whoosh / whoosh.std())


# --- patterned sounds: as long as asked for ---------------------------------------------------------------------------


def _siren(rng, n, rate):
    low, high = rng.uniform(500, 750), rng.uniform(1150, 1600)
    phase = (np.arange(n) / rate * rng.choice([rng.uniform(0.3, 0.6), rng.uniform(2.0, 3.2)]) + rng.uniform()) % 1.0
    glide = np.where(phase < 0.5, phase * 2, 2 - phase * 2)
    frequency = low * (high / low) ** glide
    angle = 2 * np.pi * np.cumsum(frequency) / rate
    return np.sin(angle) + rng.uniform(0.2, 0.5) * np.sin(2 * angle) + rng.uniform(0.1, 0.4) * np.sin(3 * angle)


def _alarm(rng, n, rate):
    frequency, beep = rng.uniform(1900, 3100), rng.uniform(0.06, 0.12)
    beeps, period = (4, rng.uniform(0.9, 1.1)) if rng.uniform() < 0.6 else (1, rng.uniform(0.3, 0.5))
    length = int(beep * rate)
    piece = signal.square(2 * np.pi * frequency * np.arange(length) / rate) * _hump(length, 0.05, 0.05)
    piece = _band(piece, rate, 1000, 7000)
    out = np.zeros(n)
    for onset in np.arange(0, n / rate, period):
        for index in range(beeps):
            _add(out, piece, (onset + index * beep * 1.9) * rate)
    return out


def _phone(rng, n, rate):
    time = np.arange(n) / rate
    hammer = (time * rng.uniform(18, 26)) % 1.0
    first = rng.uniform(900, 1300)
    out = np.zeros(n)
    for partial, level in ((1, 1.0), (rng.uniform(1.2, 1.3), 0.9), (2.7, 0.4), (3.4, 0.3)):
        out += level * np.sin(2 * np.pi * first * partial * time)
    out *= np.exp(-2.5 * hammer)
    on, off = rng.uniform(0.8, 1.5), rng.uniform(0.4, 0.8)
    ringing = time % (on + off) < on
    return out * signal.lfilter([0.002], [1, -0.998], ringing)


def _clock(rng, n, rate):
    out = np.zeros(n)
    length = int(0.06 * rate)
    ticks = []
    for _ in range(2):
        strike = _noise(rng, length) * _decay(length, rate, 0.003)
        body, case = rng.uniform(2200, 3600), rng.uniform(700, 1300)
        tick = _band(strike, rate, body / 1.2, body * 1.4) + 0.5 * _band(strike, rate, case / 1.15, case * 1.15)
        ticks.append(tick / np.abs(tick).max())
    for index, onset in enumerate(_train(rng, n / rate, rng.uniform(0.22, 0.5), 0.01)):
        _add(out, ticks[index % 2] * rng.uniform(0.85, 1.0), onset * rate)
        _add(out, ticks[index % 2] * rng.uniform(0.1, 0.3), (onset + 0.03) * rate)
    return _room(rng, out, rate, 0.05, rng.uniform(0.2, 0.5))


def _footsteps(rng, n, rate):
    out = np.zeros(n)
    length = int(0.2 * rate)
    heel_high, sole_low, gap = rng.uniform(220, 320), rng.uniform(1600, 2300), rng.uniform(0.07, 0.1)
    for onset in _train(rng, n / rate, rng.uniform(0.38, 0.52), 0.05):
        heel = _band(_noise(rng, length), rate, 70, heel_high) * _decay(length, rate, rng.uniform(0.01, 0.018))
        sole = _band(_noise(rng, length), rate, sole_low, 3400) * _decay(length, rate, rng.uniform(0.012, 0.02))
        heel, sole = heel / np.abs(heel).max(), sole / np.abs(sole).max()
        _add(out, 0.75 * heel + rng.uniform(0.3, 0.5) * sole, onset * rate)
        _add(out, rng.uniform(0.1, 0.25) * sole, (onset + gap) * rate)
    return _room(rng, out, rate, rng.uniform(0.03, 0.06), rng.uniform(0.3, 0.55))


def _birdsong(rng, n, rate):
    out = np.zeros(n)
    centre = rng.uniform(2800, 4500)
    motif = [
        (rng.uniform(0.06, 0.2), rng.uniform(0.8, 1.2), rng.uniform(0.75, 1.35), rng.choice([0, 0, 30, 45]))
        for _ in range(rng.integers(2, 5))
    ]
    start = 0.0
    while start < n / rate:
        for seconds, first, last, trill in motif:
            length = int(seconds * rng.uniform(0.9, 1.1) * rate)
            time = np.arange(length) / rate
            frequency = (
                centre * np.linspace(first, first * last, length) * (1 + 0.06 * np.sin(2 * np.pi * trill * time))
            )
            angle = 2 * np.pi * np.cumsum(frequency) / rate
            _add(out, (np.sin(angle) + 0.1 * np.sin(2 * angle)) * _hump(length, 0.2, 0.4), start * rate)
            start += seconds * rng.uniform(1.15, 1.5)
        start += rng.uniform(0.15, 0.5)
    return out


# --- short sounds: their own length -----------------------------------------------------------------------------------


def _thunder(rng, n, rate):
    rolls = np.zeros(n)
    for onset in np.r_[0.0, np.sort(rng.uniform(0.05, 0.7, rng.integers(4, 8))) * n / rate]:
        length = n - int(onset * rate)
        rise = np.clip(np.arange(length) / (rng.uniform(0.1, 0.25) * rate), 0, 1)
        _add(rolls, rng.uniform(0.4, 1.0) * rise * _decay(length, rate, rng.uniform(0.35, 0.6)), onset * rate)
    rumble = _band(_noise(rng, n), rate, 25, rng.uniform(90, 125), order=2)
    return _room(rng, rolls * rumble / rumble.std() * _hump(n, 0.001, 0.3), rate, rng.uniform(0.4, 0.6), 0.7)


def _bell(rng, n, rate):
    out = np.zeros(n)
    pitch = rng.uniform(380, 800)
    ratios = np.array([0.5, 1.0, 1.19, 1.5, 2.0, 2.52, 3.0, 4.1, 5.4]) * rng.uniform(0.995, 1.005, 9)
    levels = np.array([0.5, 0.7, 0.7, 0.35, 1.0, 0.4, 0.4, 0.3, 0.15]) * rng.uniform(0.6, 1.3, 9)
    ring = rng.uniform(0.7, 1.3)
    time = np.arange(n) / rate
    strike = sum(
        level * np.sin(2 * np.pi * pitch * ratio * time) * np.exp(-time * ratio**0.6 / ring)
        for ratio, level in zip(ratios, levels)
    )
    for onset in np.arange(0, max(0.1, n / rate - 0.6), rng.uniform(1.1, 1.7)):
        _add(out, strike * rng.uniform(0.85, 1.0), onset * rate)
    return out


def _knock(rng, n, rate):
    out = np.zeros(n)
    length = int(0.2 * rate)
    mode, ratio = rng.uniform(190, 280), rng.uniform(1.7, 2.3)
    modes = [(mode, 1.0), (mode * ratio, rng.uniform(0.4, 0.8)), (mode * ratio**2, rng.uniform(0.4, 0.7))]
    for onset in np.arange(0, n / rate - 0.1, rng.uniform(0.19, 0.25)):
        strike = _noise(rng, length) * _decay(length, rate, 0.002)
        hit = sum(level * _band(strike, rate, f / 1.65, f * 1.65) for f, level in modes)
        hit += 0.2 * _band(strike, rate, 1500, 5000)
        _add(out, hit / np.abs(hit).max() * rng.uniform(0.8, 1.0), onset * rate)
    return _room(rng, out, rate, rng.uniform(0.17, 0.23), rng.uniform(0.7, 0.85))


def _dog_bark(rng, n, rate):
    out = np.zeros(n)
    pitch, seconds, formant = rng.uniform(700, 1050), rng.uniform(0.14, 0.22), rng.uniform(950, 1250)
    formants = [(formant, 1.0), (2 * formant * rng.uniform(0.9, 1.1), 0.8), (rng.uniform(2800, 3300), 0.15)]
    dip, start = rng.uniform(0.35, 0.55), 0.0
    while start < n / rate - 0.1:
        length = int(seconds * rng.uniform(0.9, 1.1) * rate)
        position = np.arange(length) / length
        frequency = pitch * rng.uniform(0.95, 1.05) * (dip + (1 - dip) * np.sin(np.pi * position**0.85))
        hoarse = _band(_noise(rng, length), rate, high=60)
        angle = 2 * np.pi * np.cumsum(frequency * (1 + 0.015 * hoarse / hoarse.std())) / rate
        breath = _band(_noise(rng, length), rate, 500, 4000)
        throat = sum(np.sin(k * angle) / k**0.7 for k in range(1, 8)) + rng.uniform(0.2, 0.7) * breath / breath.std()
        voice = 0.15 * throat + sum(level * _band(throat, rate, f / 1.4, f * 1.4) for f, level in formants)
        envelope = _hump(length, 0.2, 0.2) * np.exp(-2.5 * np.clip(position - 0.2, 0, 1))
        _add(out, voice / np.abs(voice).max() * envelope * rng.uniform(0.8, 1.0), start * rate)
        start += seconds + rng.uniform(0.15, 0.45)
    return _room(rng, out, rate, rng.uniform(0.1, 0.25), rng.uniform(0.45, 0.7))


def _car_horn(rng, n, rate):
    pitch, third = rng.uniform(360, 460), rng.uniform(1.2, 1.27)
    time = np.arange(n) / rate
    tones = signal.sawtooth(2 * np.pi * pitch * time) + signal.sawtooth(2 * np.pi * pitch * third * time)
    tones = _band(tones, rate, 300, rng.uniform(2500, 4000))
    honk = rng.uniform(0.35, 1.2)
    phase = time % (honk + rng.uniform(0.15, 0.3))
    return tones * signal.lfilter([0.005], [1, -0.995], phase < honk)


# category: synthesizer, shortest and longest natural length in seconds, whether it may be made longer than that
_SYNTHESIZERS = {
    "alarm": (_alarm, 1.2, 3.0, True),
    "bell": (_bell, 1.8, 3.5, False),
    "birdsong": (_birdsong, 1.2, 3.0, True),
    "car horn": (_car_horn, 0.5, 2.0, False),
    "clock": (_clock, 1.6, 3.5, True),
    "crickets": (_crickets, 2.0, 4.0, True),
    "dog bark": (_dog_bark, 0.5, 2.0, False),
    "engine": (_engine, 2.0, 4.0, True),
    "footsteps": (_footsteps, 1.6, 3.5, True),
    "helicopter": (_helicopter, 2.0, 4.0, True),
    "knock": (_knock, 0.5, 1.2, False),
    "phone": (_phone, 1.0, 3.0, True),
    "rain": (_rain, 2.0, 4.0, True),
    "siren": (_siren, 1.5, 3.5, True),
    "thunder": (_thunder, 2.0, 3.5, False),
    "waves": (_waves, 2.5, 4.5, True),
    "wind": (_wind, 2.0, 4.0, True),
}
SYNTHETIC_CATEGORIES = tuple(_SYNTHESIZERS)


def synthesize(
    category: str, rng: np.random.Generator, seconds: Optional[float] = None, sample_rate: int = 16000
) -> np.ndarray:
    """Makes one rendition of a sound, with its pitch, tempo, timbre and level drawn at random.

    Args:
        category: one of `SYNTHETIC_CATEGORIES`.
        rng: source of all random parameters; the same state gives the same sound.
        seconds: length. Sustained and patterned sounds (rain, a siren, footsteps) get exactly this length; short ones
            (a bark, a knock) keep their natural length where that is shorter. None: a natural length.
        sample_rate: samples a second, at least 12000.

    Returns:
        Waveform [samples], float32, with a peak of 1.

    Raises:
        ValueError: for an unknown category, a length that is not positive or a sample rate that is too low.
    """
    if category not in _SYNTHESIZERS:
        raise ValueError(f"there is no synthesizer for {category!r}; there is one for {', '.join(_SYNTHESIZERS)}")
    if sample_rate < 12000:
        raise ValueError(f"crickets and birds need a sample rate of at least 12000 Hz; got {sample_rate}")
    if seconds is not None and not seconds > 0:
        raise ValueError(f"seconds must be positive; got {seconds}")
    make, shortest, longest, any_length = _SYNTHESIZERS[category]
    natural = rng.uniform(shortest, longest)
    length = natural if seconds is None else seconds if any_length else min(natural, seconds)
    # Filters need a few samples to settle and patterns at least one stroke: cut a short request out of a longer sound.
    n = round(length * sample_rate)
    waveform = make(rng, max(n, int(0.5 * sample_rate)), sample_rate)[:n]
    return fade(waveform / np.abs(waveform).max(), sample_rate).astype(np.float32)


def fade(waveform: np.ndarray, sample_rate: int, seconds: float = _FADE_SECONDS) -> np.ndarray:
    """Lets a cut sound [samples] end without a click; only the first 2 ms are ramped at its start, to keep attacks."""
    waveform = np.array(waveform)
    start, end = (min(len(waveform) // 2, int(s * sample_rate)) for s in (0.002, seconds))
    waveform[:start] *= np.linspace(0, 1, start, dtype=waveform.dtype)
    waveform[len(waveform) - end :] *= np.linspace(1, 0, end, dtype=waveform.dtype)
    return waveform


def trim_silence(waveform: np.ndarray, sample_rate: int, below_db: float = 40.0) -> np.ndarray:
    """Cuts off what lies before and after a sound: 20 ms frames more than `below_db` dB under its loudest one.

    Args:
        waveform: [samples], float32.
        sample_rate: samples a second.
        below_db: depth under the loudest frame, in dB, at which silence begins.

    Returns:
        The part from the first to the last sounding frame; empty if every sample is zero.
    """
    frame = max(1, sample_rate // 50)
    power = np.add.reduceat(np.square(waveform, dtype=np.float64), np.arange(0, len(waveform), frame))
    if not power.size or power.max() == 0:
        return waveform[:0]
    loud = np.flatnonzero(power > power.max() * 10 ** (-below_db / 10))
    return waveform[loud[0] * frame : (loud[-1] + 1) * frame]
