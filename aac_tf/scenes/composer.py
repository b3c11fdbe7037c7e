"""Composing a scene: several sounds of a bank, in sequence or at once, over a quiet noise floor."""

from __future__ import annotations

import typing

import numpy as np
from scipy.signal import lfilter

from aac_tf.scenes.banks import Bank
from aac_tf.scenes.events import Event
from aac_tf.scenes.rendering.filters import gain
from aac_tf.scenes.waveforms import loudness_db


class _Layout(typing.NamedTuple):
    foreground: int  # number of foreground sounds
    at_once: bool  # whether they sound at once
    background: bool  # whether there is a background sound
    probability: float


_LAYOUTS = (
    _Layout(1, False, False, 0.15),
    _Layout(2, False, False, 0.27),
    _Layout(3, False, False, 0.16),
    _Layout(1, False, True, 0.19),
    _Layout(2, False, True, 0.14),
    _Layout(2, True, False, 0.09),
)
_EDGE = 0.2  # seconds without foreground sounds at both ends of a scene
_GAP = 0.25  # shortest silence between sounds in sequence, seconds
_ONSETS_APART = 1.0  # shortest time between the onsets of sounds in sequence, seconds
_FOREGROUND_DB = (-21.0, -15.0)  # level of the loud parts, dB relative to full scale
_BACKGROUND_BELOW_DB = (11.0, 15.0)  # level of the background below the quietest foreground sound
_NOISE_FLOOR_DB = (-62.0, -56.0)  # dB relative to full scale, as of a recorder


def compose_scene(
    bank: Bank,
    split: str,
    rng: np.random.Generator,
    min_seconds: float = 4.0,
    max_seconds: float = 12.0,
    max_events: int = 3,
) -> tuple[np.ndarray, list[Event]]:
    """Composes a scene.

    Args:
        bank: where its sounds come from.
        split: the bank's split to take sounds from.
        rng: random generator.
        min_seconds: shortest duration.
        max_seconds: longest duration.
        max_events: maximum number of events.

    Returns:
        (waveform [samples], float32 between -1 and 1; its events in order of onset).

    Example:
        >>> import numpy as np
        >>> from aac_tf.scenes.banks import SyntheticBank
        >>> from aac_tf.scenes.composer import compose_scene
        >>> waveform, events = compose_scene(SyntheticBank(["bell", "rain"]), "train", np.random.default_rng(4))
        >>> [(event.category, event.role) for event in events]
        [('rain', 'background'), ('bell', 'foreground')]
    """
    rate = bank.sample_rate
    foreground, at_once, background, _ = _draw_layout(bank, rng, max_events, max_seconds)
    seconds = rng.uniform(max(min_seconds, min(max_seconds, 2.0 * foreground)), max_seconds)
    n = round(seconds * 100) * rate // 100  # whole hundredths, so that the times rounded below stay inside the scene
    seconds = n / rate

    categories = _draw_categories(bank, rng, foreground, at_once or background, background)
    longest = (seconds - 2 * _EDGE - _GAP * (foreground - 1)) / (1 if at_once else foreground)
    clips = [
        _foreground_clip(bank, split, rng, name, longest, alone=foreground == 1) for name in categories[:foreground]
    ]
    onsets = (_onsets_at_once if at_once else _onsets_in_sequence)(rng, [len(c) / rate for c in clips], seconds)

    base = rng.uniform(*_FOREGROUND_DB)
    sounds = [
        (name, clip, round(onset * rate), "foreground", base + rng.uniform(-1.5, 1.5))
        for name, clip, onset in zip(categories, clips, onsets)
    ]
    if background:
        clip = bank.clip(categories[-1], split, rng, seconds)[:n]
        sounds.append((categories[-1], clip, 0, "background", base - 1.5 - rng.uniform(*_BACKGROUND_BELOW_DB)))

    mix = _noise_floor(rng, n, rate)
    for _, clip, start, _, level in sounds:
        mix[start : start + len(clip)] += clip * gain(level - loudness_db(clip, rate))
    # Knocks peak far above their level: lower the whole scene rather than clip them.
    peak = float(np.abs(mix).max())
    gain_db = 20 * np.log10(min(1.0, 0.98 / peak))
    events = [
        Event(name, round(start / rate, 3), round((start + len(clip)) / rate, 3), role, round(level + gain_db, 1))
        for name, clip, start, role, level in sounds
    ]
    return mix * gain(gain_db), sorted(events, key=lambda event: (event.onset, event.category))


def _draw_layout(bank, rng, max_events, max_seconds):
    """Draws one of the layouts that suit the bank and the duration."""
    layouts = [
        layout
        for layout in _LAYOUTS
        if layout.foreground + layout.background <= max_events
        and layout.foreground * _ONSETS_APART + 2 * _EDGE <= max_seconds
        and len(_foreground_categories(bank, layout.at_once or layout.background)) >= layout.foreground
        and (bank.sustained or not layout.background)
    ]
    weights = np.array([layout.probability for layout in layouts])
    return layouts[rng.choice(len(layouts), p=weights / weights.sum())]


def _foreground_categories(bank, overlapping):
    """Categories for the foreground; a sustained sound would mask others that sound at the same time."""
    return [name for name in bank.categories if not (overlapping and name in bank.sustained)]


def _draw_categories(bank, rng, count, overlapping, background):
    allowed = _foreground_categories(bank, overlapping)
    drawn = [allowed[index] for index in rng.choice(len(allowed), size=count, replace=False)]
    return drawn + ([bank.sustained[rng.integers(len(bank.sustained))]] if background else [])


def _foreground_clip(bank, split, rng, category, longest, alone):
    wanted = min(longest, rng.uniform(2.0, 4.0))
    if alone and category in bank.sustained:
        wanted = longest * rng.uniform(0.7, 1.0)
    return bank.clip(category, split, rng, wanted)[: int(longest * bank.sample_rate)]


def _onsets_in_sequence(rng, lengths, seconds):
    """Onsets of sounds in sequence; the remaining time is divided at random."""
    steps = [max(length + _GAP, _ONSETS_APART) for length in lengths[:-1]] + [lengths[-1]]
    if sum(steps) > seconds - 2 * _EDGE:  # the shortest scenes have no room for _ONSETS_APART
        steps = [length + _GAP for length in lengths[:-1]] + [lengths[-1]]
    spare = max(0.0, seconds - 2 * _EDGE - sum(steps))
    pauses = rng.dirichlet(np.ones(len(lengths) + 1)) * spare
    return _EDGE + np.cumsum(pauses[:-1]) + np.cumsum([0.0, *steps[:-1]])


def _onsets_at_once(rng, lengths, seconds):
    """Onsets of two sounds, the longer around the shorter, so that they have no audible order."""
    first = _EDGE + rng.uniform() * max(0.0, seconds - 2 * _EDGE - max(lengths))
    return [first + rng.uniform() * (max(lengths) - length) for length in lengths]


def _noise_floor(rng, n, rate):
    """Low-pass noise of random colour."""
    pole = rng.uniform(0.3, 0.95)
    noise = lfilter([1.0], [1.0, -pole], rng.standard_normal(n, dtype=np.float32)).astype(np.float32)
    return noise * np.float32(10 ** (rng.uniform(*_NOISE_FLOOR_DB) / 20) / noise.std())
