"""A sound that is heard once and captioned several times."""

import numpy as np
import pytest

from aac_tf import Captioner
from aac_tf.audio import AudioError
from aac_tf.decoding import Constraints
from aac_tf.inference import TimelineError

RATE = 16000


@pytest.fixture(scope="module")
def sound():
    seconds = np.arange(3 * RATE) / RATE
    return (0.2 * np.sin(2 * np.pi * 300 * (1 + (seconds > 1.5)) * seconds)).astype(np.float32)


@pytest.mark.parametrize("kind", ["attention, M = 4", "fixed vector", "AST"])
def test_it_has_the_captions_and_the_timeline_of_the_sound(small_runs, kind, sound):
    captioner = small_runs[kind].captioner
    heard = captioner.hear(sound, RATE)
    assert heard.seconds == pytest.approx(3)
    for options in ({}, {"beam_size": 3}, {"constraints": Constraints(max_words=2)}):
        found, (expected,) = heard.caption(**options), captioner.caption(sound, sample_rate=RATE, **options)
        assert found.text == expected.text
        assert found.log_prob == pytest.approx(expected.log_prob, abs=1e-4)
        assert [one.text for one in found.alternatives] == [one.text for one in expected.alternatives]
        assert [word.interval for word in found.words] == [word.interval for word in expected.words]
        assert found.sounds == expected.sounds
    assert heard.timeline() == captioner.timeline(sound, sample_rate=RATE)


def test_the_frozen_network_runs_once(small_runs, sound, monkeypatch):
    captioner, calls = small_runs["AST"].captioner, []
    embed = captioner.embed
    monkeypatch.setattr(captioner, "embed", lambda *batch: calls.append(batch) or embed(*batch))
    heard = captioner.hear(sound, RATE)
    heard.caption()
    heard.caption(beam_size=2)
    heard.timeline()
    assert len(calls) == 1


def test_an_ensemble_captions_it_and_has_no_timeline(small_runs, sound):
    captioner = Captioner.load([small_runs["attention, M = 4"].folder, small_runs["AST"].folder])
    heard = captioner.hear(sound, RATE)
    assert heard.caption().text == captioner.caption(sound, sample_rate=RATE)[0].text
    with pytest.raises(TimelineError, match="take a single run"):
        heard.timeline()


def test_bad_sounds_and_arguments_are_refused(one_captioner, sound):
    with pytest.raises(AudioError, match="silent"):
        one_captioner.hear(np.zeros(RATE, "f4"))
    for call in (one_captioner.hear, one_captioner.timeline):
        with pytest.raises(TypeError, match="expected one sound, got a list"):
            call(["one.wav", "two.wav"])
    heard = one_captioner.hear(sound)
    with pytest.raises(TypeError, match="expected Constraints"):
        heard.caption(constraints={"max_words": 3})
    with pytest.raises(TypeError, match="expected the name of a style"):
        heard.caption(style=["clotho"])


def test_its_progress_and_that_of_its_timeline_are_reported(one_captioner, sound):
    heard = one_captioner.hear(sound)
    for call, arguments in ((one_captioner.hear, [sound]), (heard.timeline, []), (one_captioner.timeline, [sound])):
        shares = []
        call(*arguments, progress=lambda done, total, shares=shares: shares.append(done / total))
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == (0, 1)
