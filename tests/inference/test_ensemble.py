"""Several runs as one captioner: ensembles, and re-ranking by a second run."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from aac_tf import Captioner
from aac_tf.audio import AudioError
from aac_tf.decoding import Beam, Consensus, Constraints, Greedy, Rules
from aac_tf.export.lite import convert
from aac_tf.export.saved_model import export_saved_model
from aac_tf.inference import EnsembleError
from aac_tf.inference.given import Given

RATE = 16000


@pytest.fixture(scope="module")
def sounds():
    noise = np.random.default_rng(0)
    return [noise.normal(0, 0.1, int(seconds * RATE)).astype(np.float32) for seconds in (3.0, 1.3, 0.05, 2.2)]


@pytest.fixture(scope="module")
def folders(small_runs):
    """Two runs with the same front end and different encoders, and one with another front end."""
    return [small_runs[kind].folder for kind in ("attention, M = 4", "attention", "AST")]


@pytest.fixture(scope="module")
def ensemble(folders):
    return Captioner.load(folders)


@pytest.fixture(scope="module")
def reranked(folders):
    return Captioner.load(folders[0], ["decoding.rerank_weight=0.7"], rerank=folders[1])


def word_log_probs(captioner, sound, text):
    """Log-probabilities float `[words, vocabulary]` of each next word, by teacher forcing, and the ids of the words."""
    tokens = captioner.tokenizer.encode([text])[0][:, : len(text.split()) + 2]
    found = captioner.front_end.read(sound, RATE)
    encoded, steps = captioner.model.encode(*captioner.front_end.batch([found]))
    return tf.nn.log_softmax(captioner.model.decoder(tokens[:, :-1], encoded, steps))[0].numpy(), tokens[0, 1:].numpy()


@pytest.mark.parametrize(("kind", "members"), [("one_captioner", 1), ("ensemble", 3), ("reranked", 2)])
def test_models_and_ensembles_have_the_same_interface(request, kind, members, sounds):
    captioner = request.getfixturevalue(kind)
    model, tokenizer = captioner.model, captioner.tokenizer
    assert len(model.members) == members
    encoded = model.encode(*captioner.front_end.batch([captioner.front_end.read(sound, RATE) for sound in sounds[:2]]))
    fits = tf.nest.map_structure(lambda spec, value: spec.is_compatible_with(value), model.encoded_spec, list(encoded))
    assert all(tf.nest.flatten(fits))
    rules = Rules(tokenizer.start_id, tokenizer.end_id, max_words=2)
    found = model.find(Greedy(), rules, *encoded, tokenizer.max_words)
    given = model.find(Given(found.tokens), rules, *encoded, tokenizer.max_words)
    np.testing.assert_allclose(given.log_probs, found.log_probs, atol=1e-4)


def test_an_ensemble_multiplies_the_distributions_of_its_runs(small_runs, ensemble, sounds):
    for caption in ensemble.caption(sounds, beam_size=2):
        assert caption.alternatives
    (caption,) = ensemble.caption(sounds[:1])
    members = [small_runs[kind].captioner for kind in ("attention, M = 4", "attention", "AST")]
    parts = [word_log_probs(member, sounds[0], caption.text) for member in members]
    mean = tf.nn.log_softmax(np.mean([log_probs for log_probs, _ in parts], axis=0)).numpy()
    tokens = parts[0][1]
    assert caption.log_prob == pytest.approx(mean[np.arange(len(tokens)), tokens].sum(), abs=1e-4)
    assert ensemble.attend(sounds[0], caption.text).log_prob == pytest.approx(caption.log_prob, abs=1e-4)
    words, expected = caption.words, members[0].attend(sounds[0], caption.text).words
    np.testing.assert_allclose([word.peak for word in words], [word.peak for word in expected])


def test_twice_the_same_run_is_that_run(one_captioner, folders, sounds):
    for caption, expected in zip(Captioner.load([folders[0]] * 2).caption(sounds), one_captioner.caption(sounds)):
        assert caption.text == expected.text
        assert caption.log_prob == pytest.approx(expected.log_prob, abs=1e-4)


def test_a_clip_gets_the_same_caption_alone_and_in_a_batch(ensemble, sounds):
    for together, sound in zip(ensemble.caption(sounds), sounds):
        (alone,) = ensemble.caption(sound)
        assert alone.text == together.text
        assert alone.log_prob == pytest.approx(together.log_prob, abs=1e-4)
    with pytest.raises(AudioError, match="silent"):
        ensemble.caption(np.zeros(RATE, "f4"))


def test_a_second_run_ranks_the_captions_of_the_first(small_runs, reranked, folders, sounds):
    first, second = (small_runs[kind].captioner for kind in ("attention, M = 4", "attention"))
    moved = 0
    for sound in sounds:
        (caption,), (own,) = reranked.caption(sound, beam_size=4), first.caption(sound, beam_size=4)
        found = [(caption.text, caption.log_prob), *((one.text, one.log_prob) for one in caption.alternatives)]
        before = [own.text, *(one.text for one in own.alternatives)]
        assert sorted(text for text, _ in found) == sorted(before)
        moved += caption.text != own.text
        for text, log_prob in found:
            expected = 0.3 * first.attend(sound, text).log_prob + 0.7 * second.attend(sound, text).log_prob
            assert log_prob == pytest.approx(expected, abs=1e-3)
            assert reranked.attend(sound, text).log_prob == pytest.approx(expected, abs=1e-3)
        assert (np.diff([log_prob for _, log_prob in found]) <= 1e-5).all()
    assert moved, "the second run changes nothing"


@pytest.mark.slow
def test_an_ensemble_can_be_reranked(folders, sounds):
    ranked = Captioner.load(folders[:2], ["decoding.rerank_weight=0"], rerank=folders[2])
    for caption, expected in zip(ranked.caption(sounds), Captioner.load(folders[:2]).caption(sounds)):
        assert caption.text == expected.text
        assert caption.log_prob == pytest.approx(expected.log_prob, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ensemble", "reranked"])
def test_an_exported_ensemble_gives_the_same_captions(request, kind, sounds, tmp_path):
    captioner = request.getfixturevalue(kind)
    captioner.constraints = Constraints(repeat_words="function", no_repeat_ngram=3, max_words=5)
    try:
        search = Consensus(Beam(4))
        expected = captioner.caption(sounds, search=search)
        loaded = tf.saved_model.load(os.fspath(export_saved_model(captioner, tmp_path, search=search)))
    finally:
        captioner.constraints = Constraints()
    waveform = tf.ragged.stack(sounds).to_tensor()
    found = loaded.signatures["serving_default"](waveform=waveform, length=tf.constant([len(one) for one in sounds]))
    assert [text.decode() for text in found["caption"].numpy()] == [caption.text for caption in expected]
    np.testing.assert_allclose(found["log_probs"][:, 0], [caption.log_prob for caption in expected], atol=1e-3)
    assert found["attention"].shape[2] == len(found["step_seconds"])


def test_runs_with_different_vocabularies_are_refused(small_runs, folders):
    with pytest.raises(EnsembleError, match=r"the first run has 18 words, run 2 has 20, 18 in common"):
        Captioner.load([folders[0], small_runs["styles"].folder])


@pytest.mark.slow
def test_ensembles_that_cannot_be_exported_are_refused(small_runs, folders, tmp_path):
    with pytest.raises(EnsembleError, match="takes waveforms of one sample rate, and these runs take 16000 and 44100"):
        export_saved_model(Captioner.load([folders[0], small_runs["fixed vector"].folder]), tmp_path)
    with pytest.raises(ValueError, match="a LiteRT model holds one run"):
        convert(Captioner.load(folders[:2]))


@pytest.mark.slow
def test_runs_of_different_sample_rates_caption_together(small_runs, folders, sounds):
    captioner = Captioner.load([folders[0], small_runs["fixed vector"].folder])
    for caption, same in zip(captioner.caption(sounds, sample_rate=RATE), captioner.caption(sounds)):
        assert caption.text
        # Without a rate, waveforms have that of the first run for all runs.
        assert caption.log_prob == same.log_prob


def test_constraints_of_a_call_and_of_the_config(one_captioner, folders, sounds):
    (caption,) = one_captioner.caption(sounds[0])
    word = caption.text.split()[0]
    constraints = Constraints(forbidden_words=[word], max_words=3, repeat_words="none")
    found = one_captioner.caption(sounds, constraints=constraints)
    assert one_captioner.caption(sounds[0])[0].text == caption.text
    overrides = [f"decoding.forbidden_words=[{word}]", "decoding.max_words=3", "decoding.repeat_words=none"]
    captioner = Captioner.load(folders[0], overrides)
    assert captioner.constraints == constraints
    for one, other in zip(found, captioner.caption(sounds)):
        words = one.text.split()
        assert other.text == one.text
        assert word not in words
        assert len(set(words)) == len(words) <= 3
        assert dataclasses.asdict(one.words[0])["text"] == words[0]
