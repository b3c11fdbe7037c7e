import itertools

import numpy as np
import pytest
from drawn_bells import DrawnBells

from aac_tf.scenes import script_composer
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.rendering import recorders
from aac_tf.scenes.rendering.filters import gain
from aac_tf.scenes.rendering.places import Room, echoes, move, through
from aac_tf.scenes.rendering.plays import bursts, play
from aac_tf.scenes.script import Script, ScriptedSound
from aac_tf.scenes.script_composer import compose_script
from aac_tf.scenes.waveforms import loudness_db
from aac_tf.scenes.wording import categories_for

RATE = 16000
BANK = SyntheticBank()
SEEDS = range(12)


def compose(sounds, seed=0, bank=BANK, **options):
    script = Script("a caption", tuple(sounds))
    return compose_script(bank, "train", script, np.random.default_rng(seed), **options)


def tone(frequency, seconds):
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)


def level(waveform):
    return 10 * np.log10(np.mean(np.square(waveform)) + 1e-12)


def event_of(events, category):
    return next(event for event in events if event.category == category)


def overlap(one, other):
    shared = min(one.offset, other.offset) - max(one.onset, other.onset)
    return shared / min(one.offset - one.onset, other.offset - other.onset)


def test_steps_follow_each_other_with_short_gaps_or_slight_overlaps():
    order = ("dog bark", "bell", "knock", "phone")
    for seed in SEEDS:
        waveform, events = compose([ScriptedSound(name, step, step) for step, name in enumerate(order)], seed)
        assert [event.category for event in events] == list(order)
        assert len(waveform) == 10 * RATE
        assert all(0 <= event.onset < event.offset <= 10 for event in events)
        assert all(later.onset - first.offset > -0.45 for first, later in itertools.pairwise(events))


def test_simultaneous_sounds_overlap_for_most_of_their_length():
    for seed in SEEDS:
        _, events = compose([ScriptedSound("rain"), ScriptedSound("dog bark"), ScriptedSound("siren")], seed)
        assert all(overlap(*pair) > 0.6 for pair in itertools.combinations(events, 2))


def test_a_sound_of_several_steps_spans_them():
    for seed in SEEDS:
        sounds = [ScriptedSound("rain", 0, 1), ScriptedSound("dog bark"), ScriptedSound("bell", 1, 1)]
        _, events = compose(sounds, seed)
        rain = event_of(events, "rain")
        assert (rain.onset, rain.offset) == (0, pytest.approx(10, abs=0.1))


def test_the_background_lasts_and_is_12_to_20_db_below():
    for seed in SEEDS:
        _, events = compose([ScriptedSound("bell"), ScriptedSound("engine", background=True)], seed)
        engine, bell = event_of(events, "engine"), event_of(events, "bell")
        assert (engine.role, bell.role) == ("background", "foreground")
        assert (engine.onset, engine.offset) == (0, pytest.approx(10, abs=0.1))
        assert 11.9 <= bell.level - engine.level <= 20.1


def test_levels_that_captions_name():
    def mean(**flags):
        # Relative to a second sound, as the level of the recording is drawn at random.
        found = [compose([ScriptedSound("siren", **flags), ScriptedSound("bell", 1, 1)], seed)[1] for seed in SEEDS]
        return np.mean([event_of(events, "siren").level - event_of(events, "bell").level for events in found])

    soft, normal, loud, distant = mean(level="soft"), mean(), mean(level="loud"), mean(distant=True)
    assert soft < normal - 6 < normal + 3 < loud
    assert distant < normal - 5


def test_distant_sounds_are_dull_and_reverberant(monkeypatch):
    quiet = {"none": 1.0}
    monkeypatch.setattr(recorders, "_CODECS", quiet)
    monkeypatch.setattr(recorders, "_NOISE_BELOW_DB", (70.0, 70.0))

    def treble(**flags):
        shares = []
        for seed in SEEDS:
            spectrum = np.abs(np.fft.rfft(compose([ScriptedSound("knock", **flags)], seed)[0])) ** 2
            shares.append(spectrum[len(spectrum) * 4000 // 8000 :].sum() / spectrum.sum())
        return np.mean(shares)

    assert treble(distant=True) < 0.5 * treble()
    room = Room(RATE, np.random.default_rng(0), needed=True)
    assert room.far_db > room.near_db
    assert level(room.reverberate(tone(440, 0.1))) > -60


@pytest.mark.parametrize(
    ("motion", "louder"), [("approaching", (0, 2)), ("receding", (2, 0)), ("passing", (0, 1)), ("passing", (2, 1))]
)
def test_motion_changes_level_and_timbre(motion, louder):
    moved = move(tone(440, 9) + 0.5 * tone(5000, 9), motion, RATE, np.random.default_rng(0))
    thirds = moved.reshape(3, -1)
    assert level(thirds[louder[1]]) > level(thirds[louder[0]]) + 6

    def share(third):
        spectrum = np.abs(np.fft.rfft(third)) ** 2
        return spectrum[3 * 4000 :].sum() / spectrum.sum()

    assert share(thirds[louder[1]]) > 1.5 * share(thirds[louder[0]])


def shares(waveform):
    """Shares of the power below 250 Hz, from 500 to 2500 Hz, and above 4500 Hz."""
    spectrum = np.abs(np.fft.rfft(waveform)) ** 2
    hertz = np.fft.rfftfreq(len(waveform), 1 / RATE)
    bands = (hertz < 250, (hertz > 500) & (hertz < 2500), hertz > 4500)
    return np.array([spectrum[band].sum() for band in bands]) / spectrum.sum()


def test_walls_leave_low_frequencies_and_loudspeakers_middle_ones():
    noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    low, middle, high = shares(noise)
    for seed in SEEDS:
        wall, speaker = (
            through(noise, medium, RATE, np.random.default_rng(seed)) for medium in ("wall", "loudspeaker")
        )
        assert wall.shape == speaker.shape == noise.shape
        assert wall.dtype == speaker.dtype == np.float32
        assert shares(wall)[0] > 5 * low
        assert shares(wall)[2] < 0.01 * high
        assert shares(speaker)[1] > 2 * middle
        assert max(shares(speaker)[0] / low, shares(speaker)[2] / high) < 0.25
    assert not through(np.zeros(RATE, np.float32), "loudspeaker", RATE, np.random.default_rng(0)).any()


def test_echoes_are_quieter_copies_that_outlast_the_sound():
    click = np.zeros(RATE // 10, np.float32)
    click[0] = 1
    for seed in SEEDS:
        echoed = echoes(click, 9 * RATE, RATE, np.random.default_rng(seed))
        starts = [start for start, _ in bursts(echoed, RATE)]
        delays = np.diff(starts) / RATE
        assert len(starts) >= 3
        assert 0.14 <= delays.min() <= delays.max() <= 0.42
        assert np.ptp(delays) < 0.03
        power = [np.square(echoed[start : start + RATE // 10]).sum() for start in starts]
        assert max(10 * np.log10(np.divide(power[1:], power[:-1]))) < -3.5
        assert echoed.dtype == np.float32
        assert len(echoes(click, RATE // 2, RATE, np.random.default_rng(seed))) == RATE // 2


def test_scenes_have_the_medium_and_the_echo_of_the_script(monkeypatch):
    monkeypatch.setattr(recorders, "_NOISE_BELOW_DB", (70.0, 70.0))

    def scene(seed, **fields):
        return compose([ScriptedSound("rain", times=1, **fields)], seed, effects=False)

    for seed in SEEDS:
        plain, events = scene(seed)
        low, middle, high = shares(plain)
        wall, speaker = (shares(scene(seed, medium=medium)[0]) for medium in ("wall", "loudspeaker"))
        assert wall[0] > 5 * low
        assert speaker[1] > 1.2 * middle
        assert max(wall[2], speaker[2]) < 0.25 * high
        assert scene(seed, echo=True)[1][0].offset > min(9.9, events[0].offset + 0.5)


def test_a_number_of_times_is_heard_as_often():
    recording = np.concatenate([tone(700, 0.3), np.zeros(RATE // 2, np.float32), tone(700, 0.2)])
    for times, seed in itertools.product((1, 2, 3, 5), SEEDS):
        sound = ScriptedSound("dog bark", times=times)
        start, waveform = play(sound, recording, 6 * RATE, RATE, np.random.default_rng(seed))
        assert start + len(waveform) <= 6 * RATE
        assert len(bursts(waveform, RATE)) == times
        several = play(ScriptedSound("dog bark", times=0), recording, 6 * RATE, RATE, np.random.default_rng(seed))[1]
        assert 3 <= len(bursts(several, RATE)) <= 6


def test_many_times_fit_a_short_span():
    start, waveform = play(ScriptedSound("bell", times=5), tone(700, 4), 3 * RATE, RATE, np.random.default_rng(0))
    assert start + len(waveform) <= 3 * RATE
    assert len(bursts(waveform, RATE)) == 5


def test_continuous_and_sustained_sounds_last():
    short, rng = tone(700, 2), np.random.default_rng(0)
    for sound, sustained in ((ScriptedSound("x", continuous=True), False), (ScriptedSound("x"), True)):
        start, waveform = play(sound, short, 8 * RATE, RATE, rng, sustained)
        assert (start, len(waveform)) == (0, 8 * RATE)
        assert min(level(part) for part in waveform.reshape(80, -1)) > -12


def test_brief_sounds_are_short():
    rng = np.random.default_rng(0)
    for sustained, motion in ((True, "none"), (False, "none"), (False, "passing")):
        sound = ScriptedSound("x", brief=True, motion=motion)
        played = [play(sound, tone(700, 9), 8 * RATE, RATE, rng, sustained) for _ in range(20)]
        assert all(0.4 * RATE < len(waveform) <= 2 * RATE for _, waveform in played)
        assert max(start for start, _ in played) > 4 * RATE
    waveform = play(ScriptedSound("x", brief=True, times=3), tone(700, 0.5), 8 * RATE, RATE, rng)[1]
    assert len(bursts(waveform, RATE)) == 3


def test_a_stretch_of_a_long_recording_has_sound():
    recording = np.zeros(60 * RATE, np.float32)
    recording[: RATE // 4] = recording[-20 * RATE :] = 0.5
    found = [play(ScriptedSound("x"), recording, 5 * RATE, RATE, np.random.default_rng(seed))[1] for seed in range(30)]
    assert np.mean([np.abs(waveform).max() > 0.4 for waveform in found]) > 0.75


def test_the_same_seed_gives_the_same_scene():
    sounds = [ScriptedSound("dog bark", times=0, distant=True), ScriptedSound("rain", motion="approaching")]
    for seed in range(6):
        (one, events), (other, again) = compose(sounds, seed), compose(sounds, seed)
        np.testing.assert_array_equal(one, other)
        assert events == again
    assert not np.array_equal(compose(sounds, 0)[0], compose(sounds, 1)[0])


def test_levels_are_as_varied_as_those_of_recordings_and_events_have_theirs():
    peaks = []
    for seed in range(60):
        waveform, events = compose([ScriptedSound("siren", continuous=True)], seed, min_seconds=3, max_seconds=5)
        assert waveform.dtype == np.float32
        assert 3 * RATE <= len(waveform) <= 5 * RATE
        peaks.append(20 * np.log10(np.abs(waveform).max()))
        # The band of the recorder and its distortion change the level a little.
        assert events[0].level == pytest.approx(loudness_db(waveform, RATE), abs=9)
    assert -38 < min(peaks) < -18
    assert -3 < max(peaks) < 0


@pytest.mark.parametrize("codec", list(recorders._CODECS))
def test_codecs_keep_time_and_sound(monkeypatch, codec):
    monkeypatch.setattr(recorders, "_CODECS", {codec: 1.0})
    waveform = tone(440, 2) * gain(-6)
    waveform[:RATE] = 0
    encoded = recorders._encode(waveform, RATE, np.random.default_rng(0))
    assert encoded.dtype == np.float32
    assert encoded.shape == waveform.shape
    assert np.corrcoef(encoded, waveform)[0, 1] > 0.95
    assert codec == "none" or not np.array_equal(encoded, waveform)


@pytest.mark.parametrize("codec", ["vorbis", "mp3"])
@pytest.mark.parametrize("place", [0, 1])
def test_the_weakest_and_strongest_compression(monkeypatch, codec, place):
    class Extreme:
        def choice(self, names, p):
            return codec

        def uniform(self, *bounds):
            return bounds[place]

    waveform = tone(440, 1)
    assert np.corrcoef(recorders._encode(waveform, RATE, Extreme()), waveform)[0, 1] > 0.9


def test_nothing_but_the_named_sounds_is_loud():
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert recorders.noise_level([0.0, -20.0], rng) <= -26
        assert recorders.noise_level([0.0], rng) <= -10


def test_members_stand_for_their_kind():
    assert "ringing" not in BANK.categories
    assert len(categories_for("ringing", BANK.available("train"))) == 3
    scenes = [compose([ScriptedSound("ringing")], seed) for seed in range(4)]
    assert all([event.category for event in events] == ["ringing"] for _, events in scenes)


def test_stand_ins_say_what_to_draw():
    bank = DrawnBells()
    assert categories_for("ringing", bank.available("train")) == ("alarm", "bell", "phone")
    for seed in SEEDS:
        sounds = [ScriptedSound("bell"), ScriptedSound("rain"), ScriptedSound("ringing", 1, 1)]
        _, events = compose(sounds, seed, bank)
        # An alarm or a phone, which are not stood in for, are ringing, too.
        assert {event.category: event.drawn for event in events} == {"bell": "Gong", "rain": "", "ringing": ""}


def test_few_recordings_are_used_beside_their_stand_ins():
    class FewBells(DrawnBells):
        def recording_or_stand_in(self, category, split, rng):
            waveform, drawn = super().recording_or_stand_in(category, split, rng)
            return waveform, drawn if rng.uniform() < 0.5 else ""

    bank = FewBells()
    bank.only_drawn = frozenset()
    drawn = [[event.drawn for event in compose([ScriptedSound("bell")] * 2, seed, bank)[1]] for seed in SEEDS]
    assert {tuple(sorted(classes)) for classes in drawn} == {("", ""), ("", "Gong"), ("Gong", "Gong")}


def test_two_sources_are_two_recordings_and_one_source_is_one(monkeypatch):
    played = []

    def record(sound, recording, *others):
        played.append(recording)
        return play(sound, recording, *others)

    monkeypatch.setattr(script_composer, "play", record)
    for seed in SEEDS:
        compose([ScriptedSound("dog bark"), ScriptedSound("dog bark"), ScriptedSound("dog bark", 1, 1)], seed)
        first, second, again = played[-3:]
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(first, again)


def test_scenes_of_several_steps_are_long_enough_for_them():
    def seconds(sounds, seed):
        return len(compose(sounds, seed, min_seconds=2.0, max_seconds=7.0)[0]) / RATE

    steps = [ScriptedSound(name, step, step) for step, name in enumerate(("dog bark", "bell", "knock"))]
    assert min(seconds(steps[:1], seed) for seed in range(30)) < 3.0
    assert min(seconds(steps, seed) for seed in range(30)) >= 6.0
    assert len(compose(steps, max_seconds=4.0, min_seconds=4.0)[0]) == 4 * RATE


class _Clicks(SyntheticBank):
    """A bank of single clicks, after which only a room can sound."""

    def recording(self, category, split, rng):
        return np.concatenate([tone(1000, 0.05), np.zeros(RATE // 10, np.float32)])


def test_without_effects_nothing_but_noise_follows_a_sound():
    def rise(seed, effects):
        """Level after the first click relative to that at the end of the scene, dB."""
        script = Script("a knock", (ScriptedSound("knock", times=1, distant=True),))
        rng = np.random.default_rng(seed)
        waveform, (event,) = compose_script(_Clicks(), "train", script, rng, 2.0, 2.0, effects)
        after = round((event.offset + 0.005) * RATE)
        if after > len(waveform) - RATE:
            return 0.0
        return level(waveform[after : after + RATE // 20]) - level(waveform[-RATE // 4 :])

    assert max(abs(rise(seed, effects=False)) for seed in range(30)) < 3
    assert max(rise(seed, effects=True) for seed in range(30)) > 10


def test_without_effects_the_recorder_only_sets_a_level():
    mix = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    for seed in SEEDS:
        waveform, db = recorders.set_level(mix, np.random.default_rng(seed))
        assert -35.1 < 20 * np.log10(np.abs(waveform).max()) < 0
        np.testing.assert_allclose(waveform, mix * gain(db), rtol=1e-4)
