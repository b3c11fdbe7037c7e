"""Captions of a sound that is still going on."""

import types

import numpy as np
import pytest

from aac_tf import Captioner
from aac_tf.audio import load_audio
from aac_tf.inference import Listener, TimelineError

RATE = 16000


@pytest.fixture(scope="module")
def sound():
    rng = np.random.default_rng(0)
    parts = [rng.normal(0, 0.1, 5 * RATE), np.zeros(3 * RATE), rng.normal(0, 0.1, 2 * RATE), np.zeros(2 * RATE)]
    return np.concatenate(parts).astype(np.float32)


def listen(listener, sound, size):
    """(seconds heard so far, `Update`) in chunks of `size` samples."""
    found = []
    for start in range(0, len(sound), size):
        found += [((start + size) / RATE, one) for one in listener.hear(sound[start : start + size])]
    return found + [(len(sound) / RATE, one) for one in listener.finish()]


def test_captions_of_function_words_are_not_reported(small_runs, sound):
    content = "decoding.forbidden_words=[dog,cat,bell,rain,siren,barks,meows,rings,falls,loudly]"
    assert listen(Listener(Captioner.load(small_runs["AST"].folder, [content])), sound, 16000) == []


def test_a_sound_that_begins_in_noise_is_captioned_at_its_end(small_runs, sound):
    listener = Listener(small_runs["AST"].captioner)
    vocabulary = listener._captioner.vocabulary
    noise = np.full([vocabulary.max_words + 1], vocabulary.end_id, np.int32)
    dog = np.append(vocabulary.get_vocabulary().index("dog"), noise[1:])
    described = iter([(noise, None), (dog, None)])
    listener._describe = lambda begin, stop: next(described)
    found = listen(listener, sound[: 8 * RATE], 1000)
    assert [(one.ended, one.segment.caption) for _, one in found] == [(True, "dog")]


@pytest.mark.parametrize("size", [1000, 16000])
def test_sounds_are_reported_soon(small_runs, sound, size):
    captioner = Captioner.load(small_runs["AST"].folder, ["decoding.forbidden_words=[a,the,and,then]"])
    found = listen(Listener(captioner), sound, size)
    ended = [(now, one) for now, one in found if one.ended]
    assert [one.segment.begin for _, one in ended] == pytest.approx([0, 8], abs=0.6)
    assert [one.segment.end for _, one in ended] == pytest.approx([5, 10], abs=0.6)
    for (now, one), end in zip(ended, (5, 10)):
        assert now - end <= 1.5 + size / RATE
        assert one.segment.caption
    # The first sound is reported before it ends, and its caption only once.
    now, first = found[0]
    assert not first.ended
    assert first.new
    assert now < 4.5 + size / RATE
    assert [one.new for _, one in found[1:]] == [False, True]


def spy(listener, hear):
    """Replaces what a listener hears; returns a list that gets the arguments of every search for a caption."""
    graph, searches = listener._graph, []

    def describe(*arguments):
        searches.append(arguments)
        return graph.describe(*arguments)

    listener._graph = types.SimpleNamespace(**{**vars(graph), "hear": hear, "describe": describe})
    return searches


def test_everything_is_embedded_once_and_captioned_once(small_runs, sound):
    captioner = small_runs["AST"].captioner
    listener, rows = Listener(captioner), []
    graph = listener._graph

    def hear(frames):
        found = graph.hear(frames)
        rows.append(found[0].numpy())
        return found

    searches = spy(listener, hear)
    listen(listener, sound, 700)
    expected, _ = graph.hear(captioner.front_end.read(sound).features)
    np.testing.assert_allclose(np.concatenate(rows), expected, atol=1e-4)
    assert len(searches) == 2


def heard(captioner, similarities):
    """Function for `spy` that hears one of two sounds in each window, or a mixture with a cosine to the first one."""
    cosines = iter(similarities)

    def hear(frames):
        spec = captioner.spec
        count = (len(frames) - spec.segment_length) // spec.segment_hop + 1
        rows = np.zeros([count, captioner.model.embedder.width], np.float32)
        rows[:, 0] = [next(cosines) for _ in range(count)]
        rows[:, 1] = np.sqrt(1 - rows[:, 0] ** 2)
        return rows, np.zeros([count, len(captioner.model.embedder.class_names)], np.float32)

    return hear


def windows(captioner, seconds):
    return round(seconds / captioner.model.embedder.segment_times[1])


def test_a_sound_is_reported_soon_when_another_follows_at_once(small_runs):
    captioner = small_runs["AST"].captioner
    listener, count = Listener(captioner), windows(captioner, 6)
    # The squared distance is 0.8: with 6 s before it, the cost of a segment alone would wait for three cells after it.
    spy(listener, heard(captioner, [1.0] * count + [0.6] * 2 * count))
    noise = np.random.default_rng(0).normal(0, 0.1, 12 * RATE).astype(np.float32)
    now, first = next(pair for pair in listen(listener, noise, 800) if pair[1].ended)
    assert first.segment.end == pytest.approx(6, abs=0.6)
    assert now - first.segment.end <= 1.5


def test_a_change_that_passes_keeps_the_caption(small_runs):
    captioner = small_runs["AST"].captioner
    listener, count = Listener(captioner), windows(captioner, 4)
    passing = windows(captioner, 1)
    searches = spy(listener, heard(captioner, [1.0] * count + [0.7] * passing + [0.9] * 3 * count))
    noise = np.random.default_rng(0).normal(0, 0.1, 10 * RATE).astype(np.float32)
    found = [one for _, one in listen(listener, noise, 800)]
    assert sum(one.ended for one in found) >= 2
    assert len(searches) == 1
    assert len({one.segment.caption for one in found}) == 1
    assert [one.new for one in found] == [True] + [False] * (len(found) - 1)


def test_a_short_sound_is_heard_at_its_end(small_runs, sound):
    listener = Listener(small_runs["AST"].captioner)
    assert listener.hear(sound[:5000]) == []
    (update,) = listener.finish()
    assert update.ended
    assert (update.segment.begin, update.segment.end) == (0, pytest.approx(5000 / RATE))
    assert Listener(small_runs["AST"].captioner).finish() == []


def test_runs_without_a_frozen_network_are_refused(one_captioner):
    with pytest.raises(TimelineError, match="such as the preset everyday"):
        Listener(one_captioner)


@pytest.mark.real_data
def test_a_cat_is_heard_live(real_data, monkeypatch):
    monkeypatch.setenv("AAC_TF_YAMNET", str(real_data / "yamnet" / "yamnet_bn_folded.npz"))
    captioner = Captioner.from_preset("everyday")
    meow, _ = load_audio(real_data / "yamnet" / "meow_16k.wav", RATE)
    sound = np.concatenate([np.zeros(3 * RATE), meow, np.zeros(3 * RATE)]).astype(np.float32)
    captions = [one.segment.caption for _, one in listen(Listener(captioner), sound, 1600)]
    assert any("cat" in caption.split() for caption in captions)
