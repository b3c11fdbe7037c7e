"""The contract of a search: every search fulfils it, broken ones do not, and a new one is a single class."""

import dataclasses
from typing import Optional

import numpy as np
import pytest
import tensorflow as tf
from contracts.search import check_search

from aac_tf.decoding import Beam, Consensus, DiverseBeam, Greedy, Hypotheses, Rules, Sample, Search
from aac_tf.decoding.generate import generate


@pytest.mark.parametrize(
    "search",
    [
        Greedy(),
        Beam(beam_size=1),
        Beam(beam_size=4),
        DiverseBeam(beam_size=4, groups=2),
        Sample(),
        Sample(samples=5, temperature=0.7, seed=3),
        Sample(samples=3, top_p=0.8, top_k=4, seed=1),
    ],
    ids=repr,
)
def test_searches_fulfil_the_contract(search):
    check_search(search)


@pytest.mark.parametrize("inner", [Beam(4), Sample(4)], ids=repr)
def test_consensus_fulfils_the_contract(inner):
    check_search(Consensus(inner, power=0.5), rank=None)


def test_a_length_penalty_defines_the_ranking_of_a_beam():
    check_search(Beam(beam_size=3, length_penalty=0.7), rank=lambda log_probs, words: log_probs / (words + 1) ** 0.7)
    with pytest.raises(AssertionError, match="not sorted"):
        check_search(Beam(beam_size=3, length_penalty=3.0))


@dataclasses.dataclass(frozen=True)
class NewWords(Search):
    """Takes the most likely word, and prefers words that the caption does not contain yet."""

    penalty: float = 3.0

    @property
    def size(self):
        return 1

    def __call__(self, step, state, memory, rules):
        def choose(log_probs, tokens, position):
            used = tf.reduce_max(tf.one_hot(tokens, tf.shape(log_probs)[-1]), axis=1)
            used *= tf.cast(tf.range(tf.shape(log_probs)[-1]) != rules.end_id, tf.float32)
            return tf.argmax(log_probs - self.penalty * used, axis=-1, output_type=tf.int32)

        found = generate(step, state, memory, rules, choose)
        return Hypotheses(found.tokens[:, tf.newaxis], found.log_probs[:, tf.newaxis])


def test_a_new_search_fulfils_the_contract():
    check_search(NewWords())


def test_a_new_search_prefers_new_words():
    def step(tokens, state, memory):
        return tf.repeat([[0.0, 1.0, 1.5, 2.0]], tf.shape(tokens)[0], axis=0), state

    rules = Rules(start_id=0, end_id=1, max_words=3, forbidden_ids=[0])
    assert NewWords()(step, tf.zeros([1, 1]), None, rules).tokens[0, 0].numpy().tolist() == [3, 2, 1, 1]
    assert Greedy()(step, tf.zeros([1, 1]), None, rules).tokens[0, 0].numpy().tolist() == [3, 3, 3, 1]


@dataclasses.dataclass(frozen=True)
class Broken(Search):
    """Sampling that breaks one promise."""

    fault: Optional[str] = None
    samples: int = 3

    @property
    def size(self):
        return self.samples

    def __call__(self, step, state, memory, rules):
        if self.fault == "forbidden words":
            rules = dataclasses.replace(rules, forbidden_ids=())
        if self.fault == "short captions":
            rules = dataclasses.replace(rules, min_words=0)
        if self.fault == "repetitions":
            rules = dataclasses.replace(rules, repeatable_ids=None)
        if self.fault == "repeated sequences":
            rules = dataclasses.replace(rules, no_repeat_ngram=None)
        if self.fault == "long captions":
            rules = dataclasses.replace(rules, max_words=rules.max_words + 1)
        if self.fault == "one start for all":
            rules = dataclasses.replace(rules, start_id=tf.reshape(rules.start_id, [-1])[0])
        if self.fault == "one noise per row":
            found = generate(step, _repeat(state, self.samples), memory, rules, _draw_per_row)
            found = Hypotheses(tf.reshape(found.tokens, [-1, self.samples, rules.max_words + 1]), found.log_probs)
            log_probs, order = tf.math.top_k(tf.reshape(found.log_probs, [-1, self.samples]), k=self.samples)
            return Hypotheses(tf.gather(found.tokens, order, batch_dims=1), log_probs)
        seed = int(tf.shape(memory)[0]) if self.fault == "one graph per batch" else 0
        tokens, log_probs = Sample(self.samples, seed=seed)(step, state, memory, rules)
        if self.fault == "no size axis":
            return Hypotheses(tokens[:, 0], log_probs[:, 0])
        if self.fault == "worst first":
            return Hypotheses(tokens[:, ::-1], log_probs[:, ::-1])
        if self.fault == "log_probs per word":
            words = tf.reduce_sum(tf.cast(tokens != rules.end_id, tf.float32), axis=-1)
            return Hypotheses(tokens, log_probs / (words + 1))
        if self.fault == "no padding":
            return Hypotheses(tf.where(tf.range(rules.max_words + 1) < 2, tokens, 2), log_probs)
        if self.fault == "stateful noise":
            tokens = tf.where(tf.random.uniform([]) < 0.5, tokens, tf.gather(tokens, [1, 0, 2], axis=1))
        return Hypotheses(tokens, log_probs)


def _repeat(state, times):
    return tf.nest.map_structure(lambda tensor: tf.repeat(tensor, times, axis=0), state)


def _draw_per_row(log_probs, tokens, position):
    noise = tf.random.stateless_uniform(tf.shape(log_probs), [0, position], minval=1e-30)
    return tf.argmax(log_probs - tf.math.log(-tf.math.log(noise)), axis=-1, output_type=tf.int32)


def test_the_check_accepts_what_the_faults_break():
    check_search(Broken())


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("forbidden words", "forbidden words"),
        ("short captions", "shorter than min_words"),
        ("repetitions", "a word twice"),
        ("repeated sequences", "a sequence of words twice"),
        ("long captions", "tokens have shape"),
        ("one start for all", "for a clip that starts with 2"),
        ("one noise per row", "as a batch of their own"),
        ("one graph per batch", None),
        ("no size axis", "tokens have shape"),
        ("worst first", "not sorted"),
        ("log_probs per word", "log_probs are not the model's"),
        ("no padding", "captions without an end"),
        ("stateful noise", None),
    ],
)
def test_the_check_finds_faults(fault, message):
    with pytest.raises((AssertionError, TypeError), match=message):
        check_search(Broken(fault))


def test_the_check_finds_a_search_that_is_no_frozen_dataclass():
    class Plain(Greedy):
        def __eq__(self, other):
            return self is other

        __hash__ = object.__hash__

    with pytest.raises(AssertionError, match="is a dataclass"):
        check_search(Plain())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Beam(beam_size=0), "beam_size must be an integer of at least 1, got 0"),
        (lambda: Beam(beam_size=2.5), r"beam_size must be an integer of at least 1, got 2\.5"),
        (lambda: Beam(beam_size="3"), "beam_size must be an integer of at least 1, got '3'"),
        (
            lambda: DiverseBeam(beam_size=4, groups=3),
            "beam_size must be a multiple of groups: got beam_size=4, groups=3",
        ),
        (lambda: DiverseBeam(diversity=-1), "diversity must be at least 0"),
        (lambda: Consensus(power=-1), "power must be at least 0"),
        (lambda: Rules(0, 1, no_repeat_ngram=0), "no_repeat_ngram must be at least 1"),
        (lambda: Sample(samples=0), "samples must be at least 1"),
        (lambda: Sample(temperature=0), r"temperature must be in \[1e-6, 1e6\]"),
        (lambda: Sample(temperature=float("nan")), r"temperature must be in \[1e-6, 1e6\]"),
        (lambda: Sample(top_p=0), r"top_p must be in \(0, 1\]"),
        (lambda: Sample(top_k=0), "top_k must be at least 1"),
        (lambda: Sample(seed=-1), "seed must be in"),
        (lambda: Rules(0, 1, max_words=3, min_words=4), r"min_words must be in \[0, max_words=3\], got 4"),
        (lambda: Rules(0, 1, forbidden_ids=[1]), "end_id=1 must not be in forbidden_ids"),
    ],
)
def test_impossible_options_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_probability_of_forbidden_words_is_not_redistributed():
    logits = tf.constant([[0.0, 1.0, 2.0]])
    log_probs = Rules(0, 1, max_words=3, min_words=0, forbidden_ids=[0]).log_probs(logits, 0).numpy()
    np.testing.assert_allclose(log_probs[0, 1:], tf.nn.log_softmax(logits)[0, 1:], rtol=1e-6)
    assert log_probs[0, 0] < -1e30
