"""Captions over time on composed recordings with known events, against fixed windows and YAMNet's classes.

    python benchmarks/timeline.py --run everyday --bank sound_bank ESC-50 --seed 1

Composes recordings of 2, 10 and 60 minutes of sounds that training did not use (the banks' split `test`, see
`FolderBank(train_first=True)`). A recording is a sequence of places of 20 to 90 s. A place has its own room and noise,
two times of three a bed (a sustained sound, 12 to 20 dB below the others, from the beginning to the end of the place),
and events: sounds of 0.6 to 8 s, of different levels, near or far, with gaps between them; one in six begins before
the last one ends. Three recordings of ten have a narrow band, and peaks are limited.

An event counts as named if a stretch of time in which the captions name its kind of sound begins and ends within 1 s
of it. Stretches are what the segments name, joined over gaps of at most 1 s, as a listener would read them: the same
for all systems. A stretch is false if no event and no bed of its kind overlaps it. Systems:

- the timeline of the captioner;
- its captions of windows of 10 s;
- YAMNet's classes wherever their score is at least `--threshold`.
"""

import argparse
import collections
import pathlib
import resource
import tempfile
import time

import numpy as np
import soundfile

from aac_tf.audio import AudioError
from aac_tf.audio.file_spectrogram import spectrogram_of_file
from aac_tf.inference import Captioner
from aac_tf.scenes.banks import FolderBank
from aac_tf.scenes.events import Event
from aac_tf.scenes.mentions import find_mentions
from aac_tf.scenes.rendering.filters import gain, low_pass
from aac_tf.scenes.rendering.places import Room, recede
from aac_tf.scenes.rendering.recorders import ambience
from aac_tf.scenes.waveforms import fade, loop, loudness_db, trim_silence
from aac_tf.scenes.wording import WORDINGS, canonical_category, same_kind, words_of

MINUTES = (2, 10, 60)
PLACE_SECONDS = (20.0, 90.0)
EVENT_SECONDS = (0.6, 8.0)
MEAN_GAP = 4.0  # seconds, of an exponential distribution
OVERLAPPING = 1 / 6
PEAK = 0.7
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
    waveform = np.clip(waveform * gain(rng.uniform(-6.0, 3.0)), -1.0, 1.0)
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
        # A knock peaks far above its level: as a limiter would, this makes it quieter.
        sound = sound * min(gain(level - loudness_db(sound, rate)), PEAK / np.abs(sound).max())
        mix[start : start + len(sound)] += sound
        sent[start : start + len(sound)] += sound * gain(room.far_db if far else room.near_db)
        end = position + len(sound) / rate
        events.append(Event(name, position, end, "foreground", level))
        overlap = rng.uniform(0.2, 0.6) * (end - position)
        position = end - overlap if rng.uniform() < OVERLAPPING else end + 0.2 + rng.exponential(MEAN_GAP)
    return mix + room.reverberate(sent), events


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


def score(said, events, seconds):
    """Shares of the foreground events named in time and named at all, and false stretches an hour."""
    found = stretches(said)
    front = [event for event in events if event.role == "foreground"]
    named, played = {one[2] for one in found}, {event.category for event in events}
    kinds = {(one, other) for one in named for other in played if same_kind(one, other)}

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


def fixed_windows(captioner, waveform, seconds=10.0):
    """What the captions of windows of equal length name."""
    rate = captioner.spec.sample_rate
    size = round(seconds * rate)
    starts = range(0, len(waveform), size)
    pieces = [waveform[start : start + size] for start in starts]
    named = []
    for start, piece, caption in zip(starts, pieces, captioner.caption_each(pieces)):
        if not isinstance(caption, AudioError):  # a silent one
            named += mentions(start / rate, (start + len(piece)) / rate, caption.text)
    return named


def class_scores(captioner, path):
    """The scores of YAMNet's classes, `[segments, classes]`."""
    features, _ = spectrogram_of_file(path, captioner.spec)
    return captioner.model.embedder.embed_and_score(features[np.newaxis], None)[1][0].numpy()


def classes_over_time(embedder, scores, threshold):
    """The times when YAMNet's classes have a score above a threshold; classes that the table does not know are none."""
    first, hop = embedder.segment_times
    names = [canonical_category(name) for name in embedder.class_names]
    return [
        (first + (row - 0.5) * hop, first + (row + 0.5) * hop, names[index])
        for row, index in zip(*np.nonzero(scores >= threshold))
        if names[index] in WORDINGS
    ]


def measure(captioner, bank, minutes, seed, thresholds, folder):
    """{system: scores} of one recording, and the time of the timeline."""
    waveform, events = compose_recording(bank, 60.0 * minutes, np.random.default_rng([seed, minutes]))
    path = pathlib.Path(folder) / "recording.wav"
    soundfile.write(path, waveform, bank.sample_rate)
    seconds = len(waveform) / bank.sample_rate
    begin, cpu = time.perf_counter(), time.process_time()
    segments = captioner.timeline(path)
    took = time.perf_counter() - begin, time.process_time() - cpu
    found = {"timeline": [one for part in segments for one in mentions(part.begin, part.end, part.caption)]}
    found["windows of 10 s"] = fixed_windows(captioner, waveform)
    embedder, scores = captioner.model.embedder, class_scores(captioner, path)
    for threshold in thresholds:
        found[f"YAMNet's classes above {threshold:g}"] = classes_over_time(embedder, scores, threshold)
    return {system: score(said, events, seconds) for system, said in found.items()}, segments, took


def main():
    """Measures on all lengths and prints a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="everyday", help="run folder or preset with YAMNet (default: %(default)s)")
    parser.add_argument("--bank", nargs="+", required=True, help="folders of labelled sounds, see FolderBank")
    parser.add_argument("--minutes", type=int, nargs="+", default=MINUTES, help="lengths (default: 2 10 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the recordings (default: %(default)s)")
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.1, 0.2, 0.3, 0.5, 0.8])
    parser.add_argument("--show", action="store_true", help="print the timelines")
    arguments = parser.parse_args()
    captioner = Captioner.load(arguments.run)
    bank = FolderBank(arguments.bank, train_first=True)
    captioner.timeline(np.random.default_rng(0).normal(0, 0.1, 160000).astype(np.float32))  # compiles
    columns = ("in time", "onset", "named", "false/h", "named/h")
    for minutes in arguments.minutes:
        with tempfile.TemporaryDirectory() as folder:
            rows, segments, took = measure(captioner, bank, minutes, arguments.seed, arguments.thresholds, folder)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"\n{minutes} min: {len(segments)} segments in {took[0]:.1f} s, {took[1]:.1f} s of CPU; {memory:.2f} GB")
        print(f"{'':32s}" + "".join(f"{name:>10s}" for name in columns))
        for system, found in rows.items():
            shares = [f"{found[name] / found['events']:10.3f}" for name in ("in_time", "onset", "named")]
            rates = [f"{found[name] / found['hours']:10.0f}" for name in ("false", "stretches")]
            print(f"{system:32s}" + "".join(shares + rates), flush=True)
        if arguments.show:
            print("\n".join(f"{one.begin:8.1f} {one.end:8.1f} {one.caption}" for one in segments))


if __name__ == "__main__":
    main()
