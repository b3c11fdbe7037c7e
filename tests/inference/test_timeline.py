"""Captions over time."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from aac_tf import Captioner
from aac_tf.audio import AudioError, resample
from aac_tf.decoding import Beam
from aac_tf.inference import TimelineError
from aac_tf.inference.partition import partition
from aac_tf.inference.timeline_graph import _without_short

RATE = 16000


def sound_of(*parts):
    """A waveform of (seconds, kind) with the kinds low, high and silence."""
    rng, found = np.random.default_rng(0), []
    for seconds, kind in parts:
        n = round(seconds * RATE)
        time = np.arange(n) / RATE
        tone = {"low": np.sin(2 * np.pi * 200 * time), "high": np.sin(2 * np.pi * 5000 * time), "silence": 0 * time}
        found.append(0.3 * tone[kind] + (kind != "silence") * rng.normal(0, 0.01, n))
    return np.concatenate(found).astype(np.float32)


@pytest.mark.parametrize("longest", [3, 8, 20])
def test_the_partition_is_the_best_of_all(longest):
    rng = np.random.default_rng(longest)
    cells = rng.normal(0, 0.3, [12, 3]) + np.repeat(rng.normal(0, 1, [4, 3]), 3, axis=0)

    def cost(bounds):
        parts = [cells[begin:end] for begin, end in itertools.pairwise(bounds)]
        return sum(np.square(part - part.mean(axis=0)).sum() + 0.5 for part in parts)

    best = (np.inf, None)
    for pattern in range(2**11):
        bounds = [0, *(i + 1 for i in range(11) if pattern >> i & 1), 12]
        if max(np.diff(bounds)) <= longest:
            best = min(best, (cost(bounds), bounds))
    found = partition(tf.constant(cells, tf.float32), penalty=0.5, longest=longest)
    assert found.numpy().tolist() == best[1]


FUNCTION_WORDS = "decoding.forbidden_words=[a,the,and,then]"
CONTENT_WORDS = "decoding.forbidden_words=[dog,cat,bell,rain,siren,barks,meows,rings,falls,loudly]"


def test_captions_of_function_words_count_as_silence(one_run):
    captioner = Captioner.load(one_run.folder, [CONTENT_WORDS])
    sound = sound_of((4, "low"), (4, "high"))
    assert captioner.caption([sound], sample_rate=RATE)[0].text
    (segment,) = captioner.timeline(sound, sample_rate=RATE)
    assert (segment.begin, segment.caption) == (0, "")


def test_segments_follow_the_sound(one_run):
    captioner = Captioner.load(one_run.folder, [FUNCTION_WORDS])
    segments = captioner.timeline(sound_of((4, "low"), (3, "silence"), (4, "high")))
    assert segments[0].begin == 0
    assert segments[-1].end == pytest.approx(11)
    assert [one.end for one in segments[:-1]] == [one.begin for one in segments[1:]]
    (silence,) = [one for one in segments if not one.caption]
    assert (silence.begin, silence.end) == (pytest.approx(4, abs=0.5), pytest.approx(7, abs=0.5))
    assert silence.sounds is None
    assert silence.confidence is None
    assert captioner.timeline(sound_of((4, "low"), (3, "silence"), (4, "high"))) == segments


def test_a_pause_does_not_divide_a_sound():
    cells = np.array([1, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1], bool)
    assert _without_short(tf.constant(cells), 3).numpy().astype(int).tolist() == [1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1]


def test_windows_that_say_the_same_are_merged(one_captioner):
    tokens, _ = one_captioner.tokenizer.encode(
        ["a dog barks", "the dog barks loudly", "rain falls", "rain falls", "a dog barks", "", "", "a dog barks"]
    )
    tokens = np.pad(
        tokens[:, 1:], [[0, 0], [0, 9 - tokens.shape[1] + 1]], constant_values=one_captioner.tokenizer.end_id
    )
    silent = np.array([False] * 5 + [True] * 2 + [False])
    log_probs = np.array([-2, -1, -3, -3, -1, 0, 0, -1], np.float32)
    graph = one_captioner.timeline_graph(Beam(2))
    segment, chosen = graph.merge(silent, tokens, log_probs)
    assert segment.numpy().tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    assert chosen.numpy().tolist() == [1, 2, 4, 5, 7]


@pytest.mark.parametrize("kind", ["attention, M = 4", pytest.param("AST", marks=pytest.mark.slow)])
def test_the_shortest_sound_has_a_timeline(small_runs, kind):
    (segment,) = small_runs[kind].captioner.timeline(sound_of((0.05, "low")), sample_rate=RATE)
    assert (segment.begin, segment.end) == (0, pytest.approx(0.05))


def test_bad_sounds_are_refused(one_captioner):
    with pytest.raises(AudioError, match="silent"):
        one_captioner.timeline(np.zeros(RATE, "f4"))


def test_ensembles_are_refused(one_run):
    with pytest.raises(TimelineError, match="take a single run"):
        Captioner.load([one_run.folder, one_run.folder]).timeline(sound_of((1, "low")))


@pytest.mark.parametrize(
    "kind",
    ["attention, M = 4", pytest.param("AST", marks=pytest.mark.slow), pytest.param("styles", marks=pytest.mark.slow)],
)
def test_an_exported_model_gives_the_same_segments(small_runs, kind):
    sound = sound_of((4, "low"), (3, "silence"), (5, "high"))
    captioner = small_runs[kind].captioner
    expected = captioner.timeline(sound, sample_rate=RATE)
    sound = np.asarray(resample(sound, RATE, captioner.spec.sample_rate))
    signatures = small_runs[kind].loaded.signatures
    found = signatures["timeline"](waveform=sound)
    assert found["status"].numpy().tolist() == [b""]
    assert [text.decode() for text in found["caption"].numpy()] == [one.caption for one in expected]
    for name in ("begin", "end"):
        np.testing.assert_allclose(found[name], [getattr(one, name) for one in expected], atol=1e-3)
    if kind == "styles":
        styled = signatures["timeline_in_style"](waveform=sound, style=["clotho"])
        expected = captioner.timeline(sound, style="clotho")
        assert [text.decode() for text in styled["caption"].numpy()] == [one.caption for one in expected]
        unknown = signatures["timeline_in_style"](waveform=sound, style=["none such"])
        assert b"no style none such" in unknown["status"].numpy()[0]
        assert not len(unknown["caption"])


@pytest.mark.slow
def test_a_recording_of_silence_alone_is_one_segment_of_an_exported_model(small_runs):
    sound = np.random.default_rng(0).normal(0, 1e-7, 5 * RATE).astype(np.float32)
    (expected,) = small_runs["AST"].captioner.timeline(sound)
    found = small_runs["AST"].loaded.signatures["timeline"](waveform=sound)
    assert [found[name].numpy().tolist() for name in ("status", "caption")] == [[b""], [b""]]
    assert (expected.caption, expected.begin, expected.end) == ("", found["begin"][0], found["end"][0])


def test_an_exported_model_says_why_there_are_no_segments(one_loaded):
    found = one_loaded.signatures["timeline"](waveform=np.zeros(RATE, "f4"))
    assert b"silent" in found["status"].numpy()[0]
    assert [len(found[name]) for name in ("begin", "end", "caption", "log_prob")] == [0] * 4
