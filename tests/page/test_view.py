"""What the page shows of a sound, without a page."""

import json
import pathlib

import numpy as np
import pytest
import soundfile

from aac_tf.audio import AudioError
from aac_tf.inference import Alternative, Caption, NamedSound, Word
from aac_tf.page.view import MAX_STEPS, describe, describe_caption

RATE = 22050


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "dog.wav"
    time = np.arange(3 * RATE) / RATE
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * (300 + 200 * time) * time), RATE)
    return path


@pytest.fixture(scope="module")
def view(one_captioner, sound, tmp_path_factory):
    return describe(one_captioner, sound, "dog.wav", tmp_path_factory.mktemp("served"))


def test_it_is_the_caption_of_the_captioner(view, one_captioner, sound):
    (caption,) = one_captioner.caption([sound])
    assert view["caption"] == caption.text
    assert [one["caption"] for one in view["captions"]] == [caption.text, *(one.text for one in caption.alternatives)]
    assert [word["text"] for word in view["words"]] == caption.text.split()
    assert [word["interval"] for word in view["words"]] == [pytest.approx(word.interval) for word in caption.words]


def test_its_progress_is_reported(one_captioner, sound, tmp_path):
    reports = []
    describe(one_captioner, sound, "dog.wav", tmp_path, report=lambda share, doing: reports.append((share, doing)))
    shares = [share for share, _ in reports]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert list(dict.fromkeys(doing for _, doing in reports)) == [
        "Reading the sound",
        "Captioning the sound",
        "Finding out what is heard when",
    ]


def test_it_can_be_sent_as_json(view):
    assert json.loads(json.dumps(view, allow_nan=False)) == view


def test_the_timeline_covers_the_sound(view):
    assert view["seconds"] == pytest.approx(3)
    assert view["segments"][0]["begin"] == 0
    assert view["segments"][-1]["end"] == pytest.approx(3)
    assert view["no_segments"] is None


def test_the_sound_to_play_has_its_length(view, one_captioner):
    file = soundfile.info(view["audio"])
    assert (file.format, file.samplerate) == ("FLAC", one_captioner.spec.sample_rate)
    assert file.duration == pytest.approx(3)


def test_runs_without_a_classifier_show_no_sounds(view):
    assert view["sounds"] is None


@pytest.mark.parametrize("contents", [b"", b"<!DOCTYPE html><html></html>", b"RIFF", b"no sound at all, but a text"])
def test_bad_files_are_refused_as_by_the_command(one_captioner, tmp_path, contents):
    path = tmp_path / "bad.wav"
    path.write_bytes(contents)
    (refused,) = one_captioner.caption_each([path])
    with pytest.raises(AudioError) as error:
        describe(one_captioner, path, "bad.wav", tmp_path)
    assert error.value.reason == refused.reason
    assert [one.name for one in pathlib.Path(tmp_path).iterdir()] == ["bad.wav"]


def test_silence_is_refused_as_by_the_command(one_captioner, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(AudioError, match="silent: every sample is zero"):
        describe(one_captioner, tmp_path / "silent.wav", "silent.wav", tmp_path)


def made_caption(steps):
    weights = np.zeros(steps, np.float32)
    weights[-2] = 0.5
    return Caption(
        "rain falls",
        np.log(0.125),
        [Alternative("it rains", np.log(0.001))],
        [Word("rain", weights, 1.0, (0.5, 1.5)), Word("falls", weights, 1.0, (0.5, 1.5))],
        np.linspace(0, 10, steps + 1),
        named_sounds=[NamedSound("rain", 0.75, ())],
        confidence=0.75,
        unsure=False,
    )


def test_probabilities_are_those_of_a_word():
    described = describe_caption(made_caption(4))
    # Two words and the end of the caption.
    assert [one["word_probability"] for one in described["captions"]] == pytest.approx([0.5, 0.1])
    assert described["named_sounds"] == [{"name": "rain", "confidence": 0.75}]


def test_the_largest_weight_is_one():
    (word, _) = describe_caption(made_caption(4))["words"]
    assert word["weights"] == [0, 0, 1, 0]
    assert word["edges"] == [0, 2.5, 5, 7.5, 10]


def test_long_curves_keep_their_peaks():
    (word, _) = describe_caption(made_caption(7501))["words"]
    assert len(word["weights"]) <= MAX_STEPS
    assert len(word["edges"]) == len(word["weights"]) + 1
    assert (word["edges"][0], word["edges"][-1]) == (0, 10)
    assert word["weights"].index(1) == len(word["weights"]) - 1
