"""The synthesizers of everyday sounds: recognisable by ear, with every parameter drawn at random.

A synthesizer is a function `(rng, n, rate)` that returns a waveform [n], float64, of any level: `rng` is a
`numpy.random.Generator`, `n` the number of samples, `rate` the sample rate in Hz. A new sound is a new function, a row
of `SYNTHESIZERS` and a row of the table `sounds.yaml`.
"""

from __future__ import annotations

import typing

import numpy as np
from scipy import signal

from aac_tf.scenes.synthesis.signals import (
    add_at,
    attack_release,
    butterworth,
    decay,
    drift,
    jittered_onsets,
    noise,
    reverberate,
)

# --- sustained sounds, of any length ----------------------------------------------------------------------------------


def _rain(rng, n, rate):
    hiss = butterworth(noise(rng, n), rate, rng.uniform(300, 900), rng.uniform(5000, 7000))
    drops = np.zeros(n)
    count = int(n / rate * rng.uniform(400, 1500))
    drops[rng.integers(0, n, count)] = rng.exponential(1.0, count)
    drops = butterworth(drops, rate, rng.uniform(1200, 2200), rng.uniform(4500, 7000))
    return (hiss / hiss.std() + rng.uniform(0.5, 1.2) * drops / drops.std()) * drift(rng, n, rate, 0.7, 0.85, 1.1)


def _wind(rng, n, rate):
    gust = drift(rng, n, rate, rng.uniform(0.5, 0.9), 0.2, 1.0)
    rumble = butterworth(noise(rng, n), rate, 40, rng.uniform(120, 200))
    out = gust * rumble / rumble.std()
    # The pitch of the howl rises with the gust: each band fades into the next.
    centres = rng.uniform(220, 300) * 1.3 ** np.arange(5)
    for index, centre in enumerate(centres):
        howl = butterworth(noise(rng, n), rate, centre / 1.08, centre * 1.08, order=2)
        out += 0.7 * gust * np.exp(-((5 * gust - index) ** 2)) * howl / howl.std()
    return out


def _waves(rng, n, rate):
    period = rng.uniform(2.6, 4.2)
    phase = (np.arange(n) / rate / period + rng.uniform()) % 1.0
    swell = np.where(phase < 0.35, (phase / 0.35) ** 2, np.exp(-(phase - 0.35) * rng.uniform(3.0, 4.5)))
    roar = butterworth(noise(rng, n), rate, 80, rng.uniform(500, 800))
    wash = butterworth(noise(rng, n), rate, rng.uniform(700, 1200), 5000)
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
    night = butterworth(noise(rng, n), rate, 900, 7000)
    return out / out.std() + rng.uniform(0.01, 0.03) * night / night.std()


def _engine(rng, n, rate):
    firing = rng.uniform(24, 34) * (1 + 0.04 * drift(rng, n, rate, 0.5, -1, 1) + 0.02 * drift(rng, n, rate, 15, -1, 1))
    phase = np.cumsum(firing) / rate
    stroke = phase.astype(int)
    strength = np.resize(rng.uniform(0.9, 1.0, 4), stroke[-1] + 1)
    bursts = strength[stroke] * np.exp(-6 * (phase % 1.0))
    hum = butterworth(bursts - bursts.mean(), rate, 40, rng.uniform(140, 220), order=2)
    exhaust = butterworth(noise(rng, n) * bursts, rate, 60, rng.uniform(1800, 2600))
    hiss = butterworth(noise(rng, n), rate, 300, rng.uniform(1900, 2600)) * (0.7 + 0.5 * bursts)
    return hum / hum.std() + rng.uniform(0.3, 0.4) * exhaust / exhaust.std() + rng.uniform(0.5, 0.7) * hiss / hiss.std()


def _helicopter(rng, n, rate):
    blades = rng.uniform(11, 17) * (1 + 0.02 * drift(rng, n, rate, 1, -1, 1))
    phase = (np.cumsum(blades) / rate) % 1.0
    chop = np.exp(-((phase - 0.3) ** 2) / 0.015)
    thump = butterworth(noise(rng, n), rate, 50, rng.uniform(250, 450), order=2)
    whoosh = butterworth(noise(rng, n), rate, 300, rng.uniform(1500, 2800))
    near = drift(rng, n, rate, 0.4, 0.7, 1.0)
    return near * ((0.2 + chop) * thump / thump.std() + rng.uniform(0.3, 0.5) * (0.4 + chop) * whoosh / whoosh.std())


# --- repeating sounds, of any length ----------------------------------------------------------------------------------


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
    piece = signal.square(2 * np.pi * frequency * np.arange(length) / rate) * attack_release(length, 0.05, 0.05)
    piece = butterworth(piece, rate, 1000, 7000)
    out = np.zeros(n)
    for onset in np.arange(0, n / rate, period):
        for index in range(beeps):
            add_at(out, piece, (onset + index * beep * 1.9) * rate)
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
        strike = noise(rng, length) * decay(length, rate, 0.003)
        body, case = rng.uniform(2200, 3600), rng.uniform(700, 1300)
        tick = butterworth(strike, rate, body / 1.2, body * 1.4) + 0.5 * butterworth(
            strike, rate, case / 1.15, case * 1.15
        )
        ticks.append(tick / np.abs(tick).max())
    for index, onset in enumerate(jittered_onsets(rng, n / rate, rng.uniform(0.22, 0.5), 0.01)):
        add_at(out, ticks[index % 2] * rng.uniform(0.85, 1.0), onset * rate)
        add_at(out, ticks[index % 2] * rng.uniform(0.1, 0.3), (onset + 0.03) * rate)
    return reverberate(rng, out, rate, 0.05, rng.uniform(0.2, 0.5))


def _footsteps(rng, n, rate):
    out = np.zeros(n)
    length = int(0.2 * rate)
    heel_high, sole_low, gap = rng.uniform(220, 320), rng.uniform(1600, 2300), rng.uniform(0.07, 0.1)
    for onset in jittered_onsets(rng, n / rate, rng.uniform(0.38, 0.52), 0.05):
        heel = butterworth(noise(rng, length), rate, 70, heel_high) * decay(length, rate, rng.uniform(0.01, 0.018))
        sole = butterworth(noise(rng, length), rate, sole_low, 3400) * decay(length, rate, rng.uniform(0.012, 0.02))
        heel, sole = heel / np.abs(heel).max(), sole / np.abs(sole).max()
        add_at(out, 0.75 * heel + rng.uniform(0.3, 0.5) * sole, onset * rate)
        add_at(out, rng.uniform(0.1, 0.25) * sole, (onset + gap) * rate)
    return reverberate(rng, out, rate, rng.uniform(0.03, 0.06), rng.uniform(0.3, 0.55))


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
            add_at(out, (np.sin(angle) + 0.1 * np.sin(2 * angle)) * attack_release(length, 0.2, 0.4), start * rate)
            start += seconds * rng.uniform(1.15, 1.5)
        start += rng.uniform(0.15, 0.5)
    return out


# --- short sounds, which keep their natural length --------------------------------------------------------------------


def _thunder(rng, n, rate):
    rolls = np.zeros(n)
    for onset in np.r_[0.0, np.sort(rng.uniform(0.05, 0.7, rng.integers(4, 8))) * n / rate]:
        length = n - int(onset * rate)
        rise = np.clip(np.arange(length) / (rng.uniform(0.1, 0.25) * rate), 0, 1)
        add_at(rolls, rng.uniform(0.4, 1.0) * rise * decay(length, rate, rng.uniform(0.35, 0.6)), onset * rate)
    rumble = butterworth(noise(rng, n), rate, 25, rng.uniform(90, 125), order=2)
    return reverberate(
        rng, rolls * rumble / rumble.std() * attack_release(n, 0.001, 0.3), rate, rng.uniform(0.4, 0.6), 0.7
    )


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
        add_at(out, strike * rng.uniform(0.85, 1.0), onset * rate)
    return out


def _knock(rng, n, rate):
    out = np.zeros(n)
    length = int(0.2 * rate)
    mode, ratio = rng.uniform(190, 280), rng.uniform(1.7, 2.3)
    modes = [(mode, 1.0), (mode * ratio, rng.uniform(0.4, 0.8)), (mode * ratio**2, rng.uniform(0.4, 0.7))]
    for onset in np.arange(0, n / rate - 0.1, rng.uniform(0.19, 0.25)):
        strike = noise(rng, length) * decay(length, rate, 0.002)
        hit = sum(level * butterworth(strike, rate, f / 1.65, f * 1.65) for f, level in modes)
        hit += 0.2 * butterworth(strike, rate, 1500, 5000)
        add_at(out, hit / np.abs(hit).max() * rng.uniform(0.8, 1.0), onset * rate)
    return reverberate(rng, out, rate, rng.uniform(0.17, 0.23), rng.uniform(0.7, 0.85))


def _dog_bark(rng, n, rate):
    out = np.zeros(n)
    pitch, seconds, formant = rng.uniform(700, 1050), rng.uniform(0.14, 0.22), rng.uniform(950, 1250)
    formants = [(formant, 1.0), (2 * formant * rng.uniform(0.9, 1.1), 0.8), (rng.uniform(2800, 3300), 0.15)]
    dip, start = rng.uniform(0.35, 0.55), 0.0
    while start < n / rate - 0.1:
        length = int(seconds * rng.uniform(0.9, 1.1) * rate)
        position = np.arange(length) / length
        frequency = pitch * rng.uniform(0.95, 1.05) * (dip + (1 - dip) * np.sin(np.pi * position**0.85))
        hoarse = butterworth(noise(rng, length), rate, high=60)
        angle = 2 * np.pi * np.cumsum(frequency * (1 + 0.015 * hoarse / hoarse.std())) / rate
        breath = butterworth(noise(rng, length), rate, 500, 4000)
        throat = sum(np.sin(k * angle) / k**0.7 for k in range(1, 8)) + rng.uniform(0.2, 0.7) * breath / breath.std()
        voice = 0.15 * throat + sum(level * butterworth(throat, rate, f / 1.4, f * 1.4) for f, level in formants)
        envelope = attack_release(length, 0.2, 0.2) * np.exp(-2.5 * np.clip(position - 0.2, 0, 1))
        add_at(out, voice / np.abs(voice).max() * envelope * rng.uniform(0.8, 1.0), start * rate)
        start += seconds + rng.uniform(0.15, 0.45)
    return reverberate(rng, out, rate, rng.uniform(0.1, 0.25), rng.uniform(0.45, 0.7))


def _car_horn(rng, n, rate):
    pitch, third = rng.uniform(360, 460), rng.uniform(1.2, 1.27)
    time = np.arange(n) / rate
    tones = signal.sawtooth(2 * np.pi * pitch * time) + signal.sawtooth(2 * np.pi * pitch * third * time)
    tones = butterworth(tones, rate, 300, rng.uniform(2500, 4000))
    honk = rng.uniform(0.35, 1.2)
    phase = time % (honk + rng.uniform(0.15, 0.3))
    return tones * signal.lfilter([0.005], [1, -0.995], phase < honk)


class Synthesizer(typing.NamedTuple):
    """A synthesizer and the lengths that suit its sound.

    Args:
        make: function `(rng, n, rate)` that returns a waveform [n].
        shortest: shortest natural length, seconds.
        longest: longest natural length, seconds.
        any_length: whether the sound may last longer than that.
    """

    make: typing.Callable[[np.random.Generator, int, int], np.ndarray]
    shortest: float
    longest: float
    any_length: bool


SYNTHESIZERS = {
    "alarm": Synthesizer(_alarm, 1.2, 3.0, True),
    "bell": Synthesizer(_bell, 1.8, 3.5, False),
    "birdsong": Synthesizer(_birdsong, 1.2, 3.0, True),
    "car horn": Synthesizer(_car_horn, 0.5, 2.0, False),
    "clock": Synthesizer(_clock, 1.6, 3.5, True),
    "crickets": Synthesizer(_crickets, 2.0, 4.0, True),
    "dog bark": Synthesizer(_dog_bark, 0.5, 2.0, False),
    "engine": Synthesizer(_engine, 2.0, 4.0, True),
    "footsteps": Synthesizer(_footsteps, 1.6, 3.5, True),
    "helicopter": Synthesizer(_helicopter, 2.0, 4.0, True),
    "knock": Synthesizer(_knock, 0.5, 1.2, False),
    "phone": Synthesizer(_phone, 1.0, 3.0, True),
    "rain": Synthesizer(_rain, 2.0, 4.0, True),
    "siren": Synthesizer(_siren, 1.5, 3.5, True),
    "thunder": Synthesizer(_thunder, 2.0, 3.5, False),
    "waves": Synthesizer(_waves, 2.5, 4.5, True),
    "wind": Synthesizer(_wind, 2.0, 4.0, True),
}
