"""Captions over time on composed recordings with known events, against fixed windows and YAMNet's classes.

    python benchmarks/timeline.py --run everyday --bank sound_bank ESC-50 --seed 1

Composes recordings of 2, 10 and 60 minutes of sounds that training did not use (the banks' split `test`, see
`FolderBank(train_first=True)`). A recording is a sequence of places of 20 to 90 s. A place has its own room and noise,
two times of three a bed (a sustained sound, 12 to 20 dB below the others, from the beginning to the end of the place),
and events: sounds of 0.6 to 8 s, of different levels, near or far, with gaps between them; one in six begins before
the last one ends. Three recordings
of ten have a narrow band.

An event counts as named if a stretch of time in which the captions name its kind of sound begins and ends within 1 s
of it. Stretches are what the segments name, joined over gaps of at most 1 s, as a listener would read them: the same
for all systems. A stretch is false if no event and no bed of its kind overlaps it. Systems:

- the timeline of the captioner;
- its captions of windows of 10 s;
- YAMNet's classes wherever their score is at least `--threshold`.
"""

import collections

import numpy as np

from aac_tf.scenes.events import Event
from aac_tf.scenes.mentions import find_mentions
from aac_tf.scenes.rendering.filters import gain, low_pass
from aac_tf.scenes.rendering.places import Room, recede
from aac_tf.scenes.rendering.recorders import ambience
from aac_tf.scenes.waveforms import fade, loop, loudness_db, trim_silence
from aac_tf.scenes.wording import WORDINGS, categories_for, words_of

MINUTES = (2, 10, 60)
PLACE_SECONDS = (20.0, 90.0)
EVENT_SECONDS = (0.6, 8.0)
MEAN_GAP = 4.0  # seconds, of an exponential distribution
OVERLAPPING = 1 / 6
BED = 2 / 3
NARROW = 0.3  # share of recordings with a narrow band
TOLERANCE = 1.0  # seconds


def compose_recording(bank, seconds, rng):
    """Composes a recording.

    Args:
        bank: `Bank`.
        seconds: float, its length.
        rng: random generator.

    Returns:
        (waveform float32 `[samples]`, list of `Event` in order of onset).
    """
    rate, parts, events, begin = bank.sample_rate, [], [], 0.0
    while begin < seconds - 0.01:
        length = min(rng.uniform(*PLACE_SECONDS), seconds - begin)
        if seconds - begin - length < PLACE_SECONDS[0]:
            length = seconds - begin
        part, found = compose_place(bank, length, rng)
        parts.append(part)
        events += [Event(one.category, one.onset + begin, one.offset + begin, one.role, one.level) for one in found]
        begin += len(part) / rate
    waveform = np.concatenate(parts)
    if rng.uniform() < NARROW:
        waveform = low_pass(waveform, rng.uniform(3000.0, 8000.0), rate, order=4)
    waveform *= gain(rng.uniform(-12.0, -1.0)) / np.abs(waveform).max()
    return waveform, sorted(events, key=lambda event: event.onset)


def compose_place(bank, seconds, rng):
    """Composes one place of a recording; arguments and result as of `compose_recording`."""
    rate, n = bank.sample_rate, round(seconds * bank.sample_rate)
    known = [name for name in bank.available("test") if name in WORDINGS]
    room, events = Room(rate, rng), []
    mix, sent = ambience(n, rng.uniform(-62.0, -48.0), rate, rng), np.zeros(n, np.float32)
    beds = [name for name in bank.sustained if name in known]
    if rng.uniform() < BED:
        name, level = beds[rng.integers(len(beds))], -21.0 - rng.uniform(12.0, 20.0)
        sound = fade(loop(bank.recording(name, "test", rng), n, rate, rng), rate, seconds=0.5)
        mix += sound * gain(level - loudness_db(sound, rate))
        events.append(Event(name, 0.0, seconds, "background", level))
    position = rng.exponential(MEAN_GAP)
    while position < seconds - EVENT_SECONDS[0]:
        name = known[rng.integers(len(known))]
        sound = trim_silence(bank.recording(name, "test", rng), rate, below_db=35.0)
        longest = min(rng.uniform(2.0, EVENT_SECONDS[1]), seconds - position)
        sound = fade(sound[: int(longest * rate)], rate)
        if len(sound) < EVENT_SECONDS[0] * rate:
            continue
        level, start = -21.0 + rng.uniform(-4.0, 4.0), int(position * rate)
        far = rng.uniform() < 0.2
        if far:
            sound, level = recede(sound, rate, rng), level - 6.0
        sound = sound * gain(level - loudness_db(sound, rate))
        mix[start : start + len(sound)] += sound
        sent[start : start + len(sound)] += sound * gain(room.far_db if far else room.near_db)
        end = position + len(sound) / rate
        events.append(Event(name, position, end, "foreground", level))
        overlap = rng.uniform(0.2, 0.6) * (end - position)
        position = end - overlap if rng.uniform() < OVERLAPPING else end + 0.2 + rng.exponential(MEAN_GAP)
    return mix + room.reverberate(sent), events


def related(one, other):
    """Whether two categories are the same kind of sound: equal, or one a kind of the other."""
    return bool(categories_for(one, [other]) or categories_for(other, [one]))


def stretches(named, gap=TOLERANCE):
    """Joins (begin, end, category) of the same category over short gaps."""
    joined = collections.defaultdict(list)
    for begin, end, category in sorted(named):
        if joined[category] and begin - joined[category][-1][1] <= gap:
            joined[category][-1][1] = max(end, joined[category][-1][1])
        else:
            joined[category].append([begin, end])
    return [(begin, end, category) for category, times in joined.items() for begin, end in times]


def mentions(begin, end, caption):
    """(begin, end, category) for each sound that a caption names."""
    return [(begin, end, category) for category in {found for _, _, found in find_mentions(words_of(caption))}]


def score(named, events, seconds):
    """Shares of the foreground events named in time and named at all, and false stretches an hour."""
    found = stretches(named)
    front = [event for event in events if event.role == "foreground"]
    kinds = {(one[2], event.category) for one in found for event in events if related(one[2], event.category)}

    def fits(event, one):
        return (one[2], event.category) in kinds and one[0] < event.offset and one[1] > event.onset

    def in_time(event, one):
        return abs(one[0] - event.onset) <= TOLERANCE and abs(one[1] - event.offset) <= TOLERANCE

    matched = [[one for one in found if fits(event, one)] for event in front]
    hits = sum(any(in_time(event, one) for one in ones) for event, ones in zip(front, matched))
    false = sum(not any(fits(event, one) for event in events) for one in found)
    return {
        "events": len(front),
        "in_time": hits,
        "onset": sum(any(abs(one[0] - e.onset) <= TOLERANCE for one in ones) for e, ones in zip(front, matched)),
        "named": sum(map(bool, matched)),
        "false": false,
        "stretches": len(found),
        "hours": seconds / 3600,
    }
