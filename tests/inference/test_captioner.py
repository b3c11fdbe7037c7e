"""Captions and the attention of their words."""

import os

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aac_tf import Captioner
from aac_tf.audio import AudioError, resample
from aac_tf.config import ConfigError
from aac_tf.decoding import Sample
from aac_tf.runs import RunError

RATE = 16000
SECONDS = (3.0, 1.3, 0.05, 2.2)


@pytest.fixture(scope="module")
def captioner(one_captioner):
    return one_captioner


@pytest.fixture(scope="module")
def sounds():
    noise = np.random.default_rng(0)
    return [noise.normal(0, 0.1, int(seconds * RATE)).astype(np.float32) for seconds in SECONDS]


def test_long_sounds_have_the_same_captions(captioner, sounds, monkeypatch):
    """They are attended to in blocks of encoder steps."""
    expected = captioner.caption(sounds[-1])[0]
    monkeypatch.setattr("aac_tf.models.attention_step.MAX_STEPS", 0)
    monkeypatch.setattr("aac_tf.models.blocks.BLOCK_STEPS", 5)
    blocked = Captioner(captioner.model, captioner.tokenizer, captioner.config)  # traced anew
    found = blocked.caption(sounds[-1])[0]
    assert found.text == expected.text
    assert found.log_prob == pytest.approx(expected.log_prob, abs=1e-4)
    for word, other in zip(found.words, expected.words, strict=True):
        np.testing.assert_allclose(word.weights, other.weights, atol=1e-5)


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
            assert begin <= word.peak <= end


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
    for caption in small_runs["fixed vector"].captioner.caption(sounds, sample_rate=RATE):
        for word in caption.words:
            assert word.weights[-1] == 1


@pytest.mark.parametrize(
    ("waveform", "reason"),
    [
        (np.zeros([0], "f4"), "no samples"),
        (np.full([RATE], np.nan, "f4"), "NaN"),
        (np.zeros([1, 2, RATE], "f4"), r"expected \[samples\], .* got \[1, 2, 16000\]"),
        (np.zeros([RATE], "f4"), "silent: every sample is zero"),
        (np.ones([799], "f4"), "shorter than 0.05 s"),
        (np.where(np.arange(RATE) == 7, 1e30, 0.1), "samples beyond ±10000"),
    ],
    ids=["empty", "NaN", "a batch", "silence", "short", "1e30"],
)
def test_a_bad_waveform_does_not_affect_the_others(captioner, sounds, waveform, reason):
    good, bad, other = captioner.caption_each([sounds[0], waveform, sounds[1]])
    assert [good.text, other.text] == [caption.text for caption in captioner.caption(sounds[:2])]
    with pytest.raises(AudioError, match=reason):
        raise bad


FORMS = {
    "int16": lambda sound: np.round(sound * 32767).astype(np.int16),
    "float64 tensor": lambda sound: tf.constant(sound, tf.float64),
    "list": lambda sound: sound.tolist(),
    "[samples, channels]": lambda sound: np.stack([sound, sound], axis=1),
    "[channels, samples]": lambda sound: np.stack([sound, sound]),
    "pair": lambda sound: (sound, RATE),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_waveform_gives_the_same_caption(captioner, sounds, form):
    (expected,) = captioner.caption(sounds[:1])
    (found,) = captioner.caption(FORMS[form](sounds[0]))
    assert found.text == expected.text
    assert found.step_edges[-1] == pytest.approx(SECONDS[0])
    assert captioner.attend(FORMS[form](sounds[0]), "a dog barks").text == "a dog barks"


def test_a_waveform_of_another_rate_is_resampled(captioner, sounds, tmp_path):
    rate = 44100
    sound = resample(sounds[0], RATE, rate).numpy()
    soundfile.write(tmp_path / "a.wav", sound, rate, subtype="FLOAT")
    (file,) = captioner.caption(tmp_path / "a.wav")
    (array,) = captioner.caption(sound, sample_rate=rate)
    assert array.text == file.text
    assert array.log_prob == pytest.approx(file.log_prob, abs=1e-4)
    assert array.step_edges[-1] == pytest.approx(SECONDS[0], abs=1e-3)
    assert captioner.attend(sound, array.text, sample_rate=rate).log_prob == pytest.approx(array.log_prob, abs=1e-3)


@pytest.mark.parametrize(
    "thing", [b"RIFF", np.zeros(RATE, complex), np.array(["a.wav"]), np.array([None]), None, {"array": 1}, 3.0]
)
def test_what_is_no_sound_is_refused(captioner, sounds, thing):
    with pytest.raises(AudioError):
        captioner.caption(thing)
    bad, good = captioner.caption_each([thing, sounds[0]])
    assert isinstance(bad, AudioError)
    assert good.text


@pytest.mark.parametrize("loud", [50.0, 1e30])
def test_a_file_far_above_full_scale_does_not_affect_the_others(captioner, sounds, tmp_path, loud, caplog):
    sound = sounds[0].copy()
    sound[7] = loud
    soundfile.write(tmp_path / "loud.wav", sound, RATE, subtype="FLOAT")
    from_file, from_array, good = captioner.caption_each([tmp_path / "loud.wav", sound, sounds[1]])
    assert good.text == captioner.caption(sounds[1])[0].text
    if loud > 1e4:
        assert isinstance(from_file, AudioError)
        assert from_file.reason == from_array.reason
    else:
        assert from_file.text == from_array.text
        assert caplog.text.count("scaled down") == 2


def test_a_single_waveform_needs_no_list(captioner, sounds):
    assert captioner.caption(sounds[0])[0].text == captioner.caption(sounds[:1])[0].text


def test_a_file_name_that_is_not_utf_8(captioner, sounds, tmp_path):
    folder = os.fsencode(tmp_path)
    with open(folder + b"/\xff.wav", "wb") as file:
        soundfile.write(file, sounds[0], RATE, format="WAV", subtype="FLOAT")
    names = [os.fsdecode(folder + name) for name in (b"/\xff.wav", b"/\xfe.wav")]
    found, missing, good = captioner.caption_each([*names, sounds[0]])
    assert found.text == good.text
    assert missing.reason == "no such file"


def test_the_representation_says_what_a_captioner_is(captioner, one_run):
    config, words = captioner.config, len(one_run.captioner.vocabulary.get_vocabulary()) - 4  # <PAD>, <START>, ...
    assert repr(captioner) == (
        f"<Captioner {config.name}: {captioner.spec.name}; {config.encoder.kind} encoder; "
        f"{config.decoder.kind} decoder; {words} words; no styles; {captioner.search}>"
    )
    assert "the first of 2 models; " in repr(Captioner.load([one_run.folder] * 2))


def test_searches_that_no_memory_suffices_for_are_refused(captioner, sounds):
    """TensorFlow would run out of memory, or read the size as another number."""
    reason = r"a search may find at most 1,000 captions of a sound.* finds 1,000,000,000"
    with pytest.raises(ValueError, match=reason):
        captioner.caption(sounds[0], beam_size=10**9)
    with pytest.raises(ValueError, match=reason):
        captioner.caption(sounds[0], search=Sample(10**9))
    assert captioner.search_for(1000).size == 1000


def test_wrong_arguments_are_refused(captioner, sounds):
    with pytest.raises(TypeError, match=r"expected a Search, such as .*, got 'beam'"):
        captioner.caption(sounds[0], search="beam")
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        captioner.caption(sounds[0], batch_size=0)
    with pytest.raises(RunError, match="no run to load"):
        Captioner.load([])
    with pytest.raises(ConfigError, match=r"overrides are a list .* got the string 'deco.*'"):
        Captioner.from_preset("everyday", "decoding.beam_size=3")
