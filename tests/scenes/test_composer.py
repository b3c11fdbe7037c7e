import itertools

import numpy as np
import pytest

from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.composer import compose_scene


def loudness_db(waveform):
    frames = waveform[: len(waveform) // 800 * 800].reshape(-1, 800)
    return 10 * np.log10(np.percentile(np.mean(np.square(frames), axis=1), 90) + 1e-12)


def test_events_are_audible_at_their_times():
    bank = SyntheticBank()
    layouts = set()
    for index in range(60):
        waveform, events = compose_scene(bank, "train", np.random.default_rng(index))
        foreground = [e for e in events if e.role == "foreground"]
        background = [e for e in events if e.role == "background"]
        seconds = len(waveform) / 16000
        assert 1 <= len(events) <= 3
        assert len({e.category for e in events}) == len(events)
        assert [e.onset for e in events] == sorted(e.onset for e in events)
        assert all(0 <= e.onset < e.offset <= seconds for e in events)
        sequential = all(a.offset < b.onset for a, b in itertools.pairwise(foreground))
        layouts.add((len(foreground), sequential, len(background)))
        if sequential:
            assert all(b.onset - a.onset >= 0.99 for a, b in itertools.pairwise(foreground))
        for e in background:
            assert e.category in bank.sustained
            assert e.offset - e.onset > 0.9 * seconds
            assert e.level <= min(f.level for f in foreground) - 10
        inside = np.zeros(len(waveform), bool)
        for e in foreground:
            inside[int(e.onset * 16000) : int(e.offset * 16000)] = True
        outside = waveform[~inside]
        for e in foreground:
            heard = loudness_db(waveform[int(e.onset * 16000) : int(e.offset * 16000)])
            assert heard == pytest.approx(e.level, abs=4.0)
            assert heard > loudness_db(outside) + 8
        if not background:
            assert loudness_db(outside) < -50
    assert layouts == {(1, True, 0), (2, True, 0), (3, True, 0), (1, True, 1), (2, True, 1), (2, False, 0)}


def test_max_events_and_durations_are_kept():
    bank = SyntheticBank()
    for index in range(20):
        _, events = compose_scene(bank, "test", np.random.default_rng(index), max_events=1)
        assert len(events) == 1
        waveform, events = compose_scene(bank, "test", np.random.default_rng(index), 2.0, 3.0)
        assert 2 * 16000 <= len(waveform) <= 3 * 16000
        foreground = [e for e in events if e.role == "foreground"]
        assert len(foreground) <= 2
        assert all(e.offset - e.onset > 0.3 for e in foreground)
    one = SyntheticBank(["rain"])
    assert [e.category for e in compose_scene(one, "test", np.random.default_rng(0))[1]] == ["rain"]
