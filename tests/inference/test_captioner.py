"""Captions and the attention of their words."""

import os

import numpy as np
import pytest

from aac_tf.audio import AudioError

RATE = 16000
SECONDS = (3.0, 1.3, 0.05, 2.2)


@pytest.fixture(scope="module")
def captioner(one_captioner):
    return one_captioner


@pytest.fixture(scope="module")
def sounds():
    noise = np.random.default_rng(0)
    return [noise.normal(0, 0.1, int(seconds * RATE)).astype(np.float32) for seconds in SECONDS]


def test_each_word_has_attention_weights(captioner, sounds):
    for caption, seconds in zip(captioner.caption(sounds), SECONDS):
        assert " ".join(word.text for word in caption.words) == caption.text
        edges = caption.step_edges
        assert edges[0] == 0
        assert edges[-1] == pytest.approx(seconds)
        assert (np.diff(edges) >= 0).all()
        for word in caption.words:
            assert word.weights.shape == (len(edges) - 1,)
            assert word.weights.sum() == pytest.approx(1, abs=1e-5)
            begin, end = word.interval
            assert 0 <= begin <= end <= seconds + 1e-6
            inside = (edges[:-1] >= begin - 1e-9) & (edges[1:] <= end + 1e-9)
            assert word.weights[inside].sum() >= 0.5 - 1e-5
            step = word.weights.argmax()
            assert edges[step] <= word.peak <= edges[step + 1]


def test_steps_are_at_the_times_of_their_frames(captioner, sounds):
    caption = captioner.caption(sounds[:1])[0]
    hop = 512 / RATE * captioner.config.encoder.subsampling
    np.testing.assert_allclose(caption.step_edges[1:-1], (np.arange(1, len(caption.step_edges) - 1) - 0.5) * hop)


def test_attention_does_not_depend_on_the_batch(captioner, sounds):
    for together, sound in zip(captioner.caption(sounds), sounds):
        (alone,) = captioner.caption([sound])
        assert alone.text == together.text
        np.testing.assert_allclose(alone.step_edges, together.step_edges)
        for word, other in zip(alone.words, together.words):
            np.testing.assert_allclose(word.weights, other.weights, atol=1e-5)


def test_attend_equals_caption_for_the_same_words(captioner, sounds):
    (own,) = captioner.caption(sounds[:1])
    forced = captioner.attend(sounds[0], own.text)
    assert forced.text == own.text
    assert forced.log_prob == pytest.approx(own.log_prob, abs=1e-4)
    for word, other in zip(forced.words, own.words):
        np.testing.assert_allclose(word.weights, other.weights, atol=1e-5)
    assert captioner.attend(sounds[0], "A dog barks!").text == "a dog barks"
    with pytest.raises(ValueError, match="knows no word"):
        captioner.attend(sounds[0], "")


def test_the_attention_of_a_fixed_vector_is_on_the_last_step(small_runs, sounds):
    for caption in small_runs["fixed vector"].captioner.caption(sounds):
        for word in caption.words:
            assert word.weights[-1] == 1


@pytest.mark.parametrize(
    ("waveform", "reason"),
    [
        (np.zeros([0], "f4"), "no samples"),
        (np.array([0.1, np.nan], "f4"), "NaN"),
        (np.zeros([800, 2], "f4"), r"expected \[samples\], got \[800, 2\]"),
    ],
    ids=["empty", "NaN", "stereo"],
)
def test_a_bad_waveform_does_not_affect_the_others(captioner, sounds, waveform, reason):
    good, bad, other = captioner.caption_each([sounds[0], waveform, sounds[1]])
    assert [good.text, other.text] == [caption.text for caption in captioner.caption(sounds[:2])]
    with pytest.raises(AudioError, match=reason):
        raise bad


def test_a_single_waveform_needs_no_list(captioner, sounds):
    assert captioner.caption(sounds[0])[0].text == captioner.caption(sounds[:1])[0].text


def test_a_file_name_that_is_not_utf_8_does_not_affect_the_others(captioner, sounds, tmp_path):
    bad, good = captioner.caption_each([os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"), sounds[0]])
    assert bad.reason == "its name is not UTF-8"
    assert good.text
