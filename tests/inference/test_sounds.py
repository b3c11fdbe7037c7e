"""The sounds that YAMNet hears beside the caption."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf
from small_runs import write_run

from aac_tf import Captioner
from aac_tf.audio import YAMNET, load_audio, spectrogram
from aac_tf.cli import caption
from aac_tf.embeddings import YamnetEmbedder
from aac_tf.embeddings.yamnet.check import _CLASSES
from aac_tf.embeddings.yamnet.class_names import class_names
from aac_tf.inference.sounds import STRONGEST, strongest_sounds


def test_class_names():
    names = class_names()
    assert len(names) == len(set(names)) == 521
    assert {sound: names[index] for sound, index in _CLASSES.items()} == {
        "silence": "Silence",
        "noise": "White noise",
        "tone": "Sine wave",
    }


@pytest.mark.real_data
def test_class_names_are_those_of_the_class_map(real_data):
    lines = (real_data / "yamnet" / "yamnet_class_map.csv").read_text().splitlines()[1:]
    assert [line.split(",", 2)[2].strip('"') for line in lines] == list(class_names())


def test_silence_is_no_sound_and_the_names_of_one_sound_leave_room_for_others():
    names = ["Silence", *(f"dog {number}" for number in range(9)), "Bell"]
    scores = np.zeros([20, len(names)])
    scores[:5, 0] = 1.0
    scores[5:15, 1:-1] = 0.9 - 0.02 * np.arange(9)
    scores[16:18, -1] = 0.3
    found = [one.name for one in strongest_sounds(scores, names, (0.5, 0.5), 10.5)]
    assert found == ["dog 0", "dog 1", "dog 2", "dog 3", "dog 4", "Bell"]


def test_the_strongest_sounds_come_first_with_their_intervals():
    scores = np.full([6, 7], 0.05)
    scores[:, 2] = [0.1, 0.4, 0.9, 0.5, 0.4, 0.8]  # its second occurrence is not part of the interval
    scores[:, 4] = 0.95
    sounds = strongest_sounds(scores, list("abcdefg"), (0.5, 0.5), 2.8)
    assert [(sound.name, sound.score, sound.interval) for sound in sounds] == [
        ("e", 0.95, (0.0, 2.8)),
        ("c", 0.9, (1.25, 2.25)),
    ]
    assert len(strongest_sounds(np.ones([1, 7]), list("abcdefg"), (0.5, 0.5), 0.3)) == STRONGEST
    assert strongest_sounds(np.full([1, 7], 0.05), list("abcdefg"), (0.5, 0.5), 0.3) == []


def test_runs_without_yamnet_have_none(one_captioner):
    assert one_captioner.caption(np.ones(16000, "f4"))[0].sounds is None


@pytest.fixture(scope="module")
def yamnet_file(real_data):
    return real_data / "yamnet" / "yamnet_bn_folded.npz"


@pytest.fixture(scope="module")
def run(yamnet_file, tmp_path_factory):
    """A run with YAMNet, and random weights after it."""
    return write_run(
        tmp_path_factory.mktemp("yamnet") / "run", ["embedding.kind=yamnet", f"embedding.source={yamnet_file}"]
    )


@pytest.mark.real_data
def test_scores_come_from_the_same_pass(yamnet_file, real_data):
    embedder = YamnetEmbedder(yamnet_file)
    calls, outputs = [], embedder._outputs
    embedder._outputs = lambda windows: calls.append(1) or outputs(windows)
    waveform, _ = load_audio(real_data / "yamnet" / "meow_16k.wav", 16000)
    frames = tf.repeat(spectrogram(waveform, YAMNET)[tf.newaxis], 2, axis=0)
    length = tf.constant([frames.shape[1], 200])
    embedding, scores, segments = embedder.embed_and_score(frames, length)
    assert len(calls) == 1
    expected, count = embedder(frames, length)
    np.testing.assert_array_equal(embedding, expected)
    np.testing.assert_array_equal(segments, count)
    np.testing.assert_array_equal(scores, embedder.scores(frames, length)[0])
    assert not scores[1, int(count[1]) :].numpy().any()


@pytest.mark.real_data
def test_a_meow_is_heard(run, real_data, capsys):
    path = os.fspath(real_data / "yamnet" / "meow_16k.wav")
    captioner = Captioner.load(run)
    seconds = len(load_audio(path, 16000)[0]) / 16000
    alone, beside = captioner.caption([path])[0], captioner.caption([np.full(160000, 0.1, "f4"), path])[1]
    assert {"Animal", "Cat", "Meow"} <= {sound.name for sound in alone.sounds}
    assert [sound.name for sound in beside.sounds] == [sound.name for sound in alone.sounds]
    for sound, other in zip(alone.sounds, beside.sounds):
        assert 0.1 <= sound.score <= 1
        assert 0 <= sound.interval[0] < sound.interval[1] <= seconds
        assert sound.score == pytest.approx(other.score, abs=1e-4)
        assert sound.interval == pytest.approx(other.interval)
    assert captioner.attend(path, "a cat meows").sounds[0].name == alone.sounds[0].name
    assert caption.main(["--run", os.fspath(run), "--json", path]) == 0
    heard = json.loads(capsys.readouterr().out)["sounds"]
    assert [sound["name"] for sound in heard] == [sound.name for sound in alone.sounds]
    assert caption.main(["--run", os.fspath(run), "--sounds", path]) == 0
    assert "\tAnimal 0." in capsys.readouterr().out
