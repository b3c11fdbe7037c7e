"""Composing a scene from a script: what a caption says about its sounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from aac_tf.scenes.banks import Bank
from aac_tf.scenes.events import Event
from aac_tf.scenes.rendering.filters import gain
from aac_tf.scenes.rendering.places import Room, echoes, move, recede, through
from aac_tf.scenes.rendering.plays import play
from aac_tf.scenes.rendering.recorders import ambience, noise_level, record, set_level
from aac_tf.scenes.script import Script, ScriptedSound
from aac_tf.scenes.waveforms import loudness_db, trim_silence
from aac_tf.scenes.wording import categories_for, wording

_LEVELS_DB = {"soft": (-12.0, -8.0), "normal": (-3.0, 3.0), "loud": (4.0, 7.0)}
_DISTANT_DB = (-10.0, -6.0)
_STEADY_BELOW_DB = (1.0, 8.0)  # lowers steady sounds that others share a step with
_BACKGROUND_BELOW_DB = (12.0, 20.0)  # level of the background below the quietest foreground sound
_DRAWS = 4  # attempts to find another recording for another source of the same category
_SPEED = 0.05  # largest change of the speed and pitch of a recording
_MARGINS = (0.0, 0.6)  # seconds before the first and after the last step
_GAP = (0.05, 0.5)  # seconds between two steps
_OVERLAP = (0.1, 0.4)  # seconds by which a step reaches into the next one, in
_OVERLAPPING = 0.2  # this share of cases
_SHORTEST_STEP = 0.6  # seconds
_SECONDS_PER_STEP = 2.0  # least mean length of the steps, if the longest scenes have room for it


def compose_script(
    bank: Bank,
    split: str,
    script: Script,
    rng: np.random.Generator,
    min_seconds: float = 10.0,
    max_seconds: float = 10.0,
    effects: bool = True,
) -> tuple[np.ndarray, list[Event]]:
    """Composes a scene that a script describes.

    Steps follow each other with short gaps or slight overlaps, and sounds of the same steps overlap for most of their
    length. A background sound lies under everything, 12 to 20 dB below. What is muffled or comes from a loudspeaker is
    filtered, and echoes are delayed copies. The place, the distances and the recorder are drawn at random. An event
    lasts from the first to the last time that its sound is heard, with its echoes.

    Args:
        bank: where the sounds come from.
        split: the bank's split to take sounds from.
        script: the script; the split must have sounds of each of its categories (see `categories_for`).
        rng: random generator.
        min_seconds: shortest duration; scripts with several steps get at least 2 s for each, up to `max_seconds`.
        max_seconds: longest duration.
        effects: whether the place, the distance and the recorder change the sounds. If not, the sounds are mixed as
            they are: distant ones are only quieter, and the recorder adds noise and sets a level.

    Returns:
        (waveform [samples], float32 between -1 and 1; its events in order of onset).

    Example:
        >>> import numpy as np
        >>> from aac_tf.scenes.banks import SyntheticBank
        >>> from aac_tf.scenes.script import Script, ScriptedSound
        >>> from aac_tf.scenes.script_composer import compose_script
        >>> sounds = (ScriptedSound("bell"), ScriptedSound("rain", background=True))
        >>> script = Script("a bell tolls while rain falls in the background", sounds)
        >>> waveform, events = compose_script(SyntheticBank(), "train", script, np.random.default_rng(0))
        >>> len(waveform), [(event.category, event.role) for event in events]
        (160000, [('rain', 'background'), ('bell', 'foreground')])
    """
    rate = bank.sample_rate
    shortest = max(min_seconds, min(max_seconds, _SECONDS_PER_STEP * script.steps))
    n = round(rng.uniform(shortest, max_seconds) * 100) * rate // 100
    recordings, sustained, drawn = _draw_recordings(bank, split, script, rng)
    levels = _draw_levels(script.sounds, sustained, rng)
    starts, ends = _draw_steps(script, recordings, n, rate, rng)
    room = Room(rate, rng, needed=any(sound.distant for sound in script.sounds)) if effects else None
    # Silence outside of the noise of the recorder would give composed scenes away.
    mix = ambience(n, noise_level(levels, rng), rate, rng)
    sent = np.zeros(n, np.float32)
    events = []
    for sound, source, level in zip(script.sounds, _sources(script.sounds), levels):
        steady = sustained[sound.category]
        start, end = _span(sound, script, starts, ends, n, steady)
        crowded = any(other is not sound and _overlaps(sound, other) for other in script.sounds)
        recording = recordings[source]
        offset, played = play(sound, recording, end - start, rate, rng, steady or sound.background, crowded)
        start += offset
        if sound.distant and effects:
            played = recede(played, rate, rng)
        if sound.medium != "air":
            played = through(played, sound.medium, rate, rng)
        if sound.echo:
            played = echoes(played, n - start, rate, rng)
        played = _soften_ends(played, start, n, rate, rng) * gain(level - _active_loudness(played, rate))
        if sound.motion != "none":
            played = move(played, sound.motion, rate, rng)
        end = start + len(played)
        mix[start:end] += played
        if room is not None:
            sent[start:end] += played * gain(room.far_db if sound.distant else room.near_db)
        role = "background" if sound.background else "foreground"
        onset, offset = round(start / rate, 3), round(end / rate, 3)
        events.append(Event(sound.category, onset, offset, role, level, drawn[source]))
    if room is None:
        waveform, gain_db = set_level(mix, rng)
    else:
        waveform, gain_db = record(mix + room.reverberate(sent), rate, rng)
    events = [dataclasses.replace(event, level=round(event.level + gain_db, 1)) for event in events]
    return waveform, sorted(events, key=lambda event: (event.onset, event.category))


def _overlaps(one, other):
    return not other.background and one.first <= other.last and other.first <= one.last


def _sources(sounds):
    """(category, number) of the source of each sound: equal sounds have several, as in "two dogs bark"."""
    return [(sound.category, sounds[:index].count(sound)) for index, sound in enumerate(sounds)]


def _draw_recordings(bank, split, script, rng):
    """{source: recording}, {category: whether it can be looped}, {source: class to draw, or ""}.

    A category that is named again is the same source.
    """
    recordings, sustained, drawn = {}, {}, {}
    for category, number in dict.fromkeys(_sources(script.sounds)):
        names = categories_for(category, bank.available(split))
        names = tuple(name for name in names if name not in bank.only_drawn) or names
        others = [recordings[category, other] for other in range(number)]
        for _ in range(_DRAWS if number else 1):
            name = names[rng.integers(len(names))]
            recording, class_name = bank.recording_or_stand_in(name, split, rng)
            recording = trim_silence(recording, bank.sample_rate, below_db=35.0)
            if not any(np.array_equal(recording, other) for other in others):
                break
        recordings[category, number], drawn[category, number] = recording, class_name
        steady = wording(category).sustained or name in bank.sustained
        sustained[category] = steady and sustained.get(category, True)
    speeds = 1 + rng.uniform(-_SPEED, _SPEED, len(recordings))
    return (
        {source: _change_speed(recording, speed) for (source, recording), speed in zip(recordings.items(), speeds)},
        sustained,
        drawn,
    )


def _change_speed(recording, speed):
    positions = np.arange(0, len(recording) - 1, speed)
    return np.interp(positions, np.arange(len(recording)), recording).astype(np.float32)


def _draw_levels(sounds: Sequence[ScriptedSound], sustained, rng):
    """Levels of the sounds in dB relative to one another."""
    levels = [
        rng.uniform(*_LEVELS_DB[sound.level]) + (rng.uniform(*_DISTANT_DB) if sound.distant else 0.0)
        for sound in sounds
    ]
    for index, sound in enumerate(sounds):
        # Rain as loud as the speech in it would mask it.
        masked = any(not sustained[other.category] and _overlaps(sound, other) for other in sounds)
        if sustained[sound.category] and sound.level != "loud" and masked:
            levels[index] -= rng.uniform(*_STEADY_BELOW_DB)
    front = [level for sound, level in zip(sounds, levels) if not sound.background]
    if not front:
        return levels
    quietest = min(front)
    return [
        quietest - rng.uniform(*_BACKGROUND_BELOW_DB) if sound.background else level
        for sound, level in zip(sounds, levels)
    ]


def _draw_steps(script, recordings, n, rate, rng):
    """First and last samples of the steps, whose lengths are drawn after those of their recordings."""
    wanted = np.array(
        [
            max(
                (
                    len(recordings[source]) / rate
                    for sound, source in zip(script.sounds, _sources(script.sounds))
                    if sound.first == step and not sound.background
                ),
                default=2.0,
            )
            for step in range(script.steps)
        ]
    )
    weights = np.clip(wanted, 1.5, 6.0) * rng.uniform(0.7, 1.3, len(wanted))
    first, last = (int(rng.uniform(*_MARGINS) * rate) if rng.uniform() < 0.5 else 0 for _ in range(2))
    shortest = min(_SHORTEST_STEP * rate, 0.8 * (n - first - last) / script.steps)
    lengths = shortest + (n - first - last - shortest * script.steps) * weights / weights.sum()
    bounds = first + np.concatenate([[0], np.cumsum(lengths)])
    starts, ends = bounds[:-1].astype(int), bounds[1:].astype(int)
    for step in range(script.steps - 1):
        if rng.uniform() < _OVERLAPPING:
            ends[step] += int(min(rng.uniform(*_OVERLAP) * rate, lengths[step + 1] / 4))
        else:
            ends[step] -= int(min(rng.uniform(*_GAP) * rate, lengths[step] / 4))
    return starts, ends


def _span(sound, script, starts, ends, n, steady):
    """First and last sample of the time of a sound."""
    whole = sound.first == 0 and sound.last == script.steps - 1
    if sound.background or (whole and (steady or sound.continuous)):
        return 0, n
    return starts[sound.first], min(ends[sound.last], n)


def _active_loudness(waveform, rate):
    """`loudness_db` of what is left without the pauses."""
    frame = max(1, min(len(waveform), rate // 50))
    frames = waveform[: len(waveform) // frame * frame].reshape(-1, frame)
    power = np.einsum("ij,ij->i", frames, frames)
    return loudness_db(frames[power > power.max() * 1e-3].reshape(-1), rate)


def _soften_ends(waveform, start, n, rate, rng):
    """Fades in and out what begins or ends within the scene; at its ends, the recorder was switched on and off."""
    waveform = waveform.copy()
    if start > 0:
        ramp = min(len(waveform) // 4, int(rng.uniform(0.002, 0.02) * rate))
        waveform[:ramp] *= np.linspace(0, 1, ramp, dtype=np.float32)
    if start + len(waveform) < n:
        ramp = min(len(waveform) // 4, int(rng.uniform(0.02, 0.3) * rate))
        waveform[len(waveform) - ramp :] *= np.linspace(1, 0, ramp, dtype=np.float32)
    return waveform
