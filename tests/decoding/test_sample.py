"""Sampling."""

import numpy as np
import pytest
import tensorflow as tf
from contracts.search import END, START, VOCABULARY, ToyDecoder

from aac_tf.decoding import Greedy, Rules, Sample

RULES = Rules(START, END, max_words=6, forbidden_ids=[START])
MANY = 4000


def sample(search, rules=RULES, clips=(0, 3)):
    decoder = ToyDecoder()
    return search(decoder.step, *decoder.initial(clips), rules)


def first_words(search, clip, rules=RULES):
    """Share of each word among the first words of a clip's samples."""
    tokens = sample(search, rules, [clip]).tokens[0, :, 0].numpy()
    return np.bincount(tokens, minlength=VOCABULARY) / len(tokens)


def first_probabilities(clip, temperature=1.0, without=(START, END)):
    logits = ToyDecoder().table[0, START, START].astype(np.float64) * (1 - clip / 10) / temperature
    logits[list(without)] = -np.inf
    return np.exp(logits) / np.exp(logits).sum()


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_words_come_as_often_as_the_model_says(temperature):
    found = first_words(Sample(MANY, temperature), clip=3)
    expected = first_probabilities(3, temperature)
    np.testing.assert_allclose(found, expected, atol=4 * np.sqrt(0.25 / MANY))


def test_captions_come_as_often_as_the_model_says():
    """Noise of one position must not be that of another: the second word is independent of the first one's noise."""
    decoder, rules = ToyDecoder(), Rules(START, END, max_words=2, min_words=2, forbidden_ids=[START])
    tokens = sample(Sample(MANY), rules, [0]).tokens[0].numpy()
    words = [word for word in range(VOCABULARY) if word not in (START, END)]
    first = first_probabilities(0)
    for word in words:
        logits = decoder.table[1, START, word].astype(np.float64)
        logits[[START, END]] = -np.inf
        second = np.exp(logits) / np.exp(logits).sum()
        for following in words:
            share = np.mean((tokens[:, 0] == word) & (tokens[:, 1] == following))
            assert share == pytest.approx(first[word] * second[following], abs=4 * np.sqrt(0.25 / MANY))


def test_the_nucleus_is_the_smallest_set_that_reaches_top_p():
    probabilities = first_probabilities(0)
    order = np.argsort(-probabilities)
    total = np.cumsum(probabilities[order])
    for top_p in (total[0] - 1e-3, total[1] - 1e-3, total[1] + 1e-3, total[2] - 1e-3):
        size = int(np.searchsorted(total, top_p)) + 1
        expected = np.where(np.isin(np.arange(VOCABULARY), order[:size]), probabilities, 0)
        found = first_words(Sample(MANY, top_p=top_p), clip=0)
        assert set(np.flatnonzero(found)) == set(order[:size])
        np.testing.assert_allclose(found, expected / expected.sum(), atol=4 * np.sqrt(0.25 / MANY))


def test_words_that_are_not_allowed_are_not_in_the_nucleus():
    order = np.argsort(-first_probabilities(0))
    rules = Rules(START, END, max_words=6, forbidden_ids=[START, int(order[0])])
    found = first_words(Sample(MANY, top_p=1e-6), clip=0, rules=rules)
    assert found[order[1]] == 1


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_top_k_draws_from_the_most_likely_words(top_k):
    order = np.argsort(-first_probabilities(0))
    found = first_words(Sample(MANY, top_k=top_k), clip=0)
    assert set(np.flatnonzero(found)) == set(order[:top_k])


def test_a_top_k_beyond_the_vocabulary_keeps_all_words():
    with_all, plain = sample(Sample(20, top_k=1000)), sample(Sample(20))
    np.testing.assert_array_equal(with_all.tokens, plain.tokens)


@pytest.mark.parametrize("search", [Sample(3, temperature=1e-6), Sample(3, top_k=1)])
def test_without_chance_it_is_greedy_search(search):
    expected, found = sample(Greedy()), sample(search)
    np.testing.assert_array_equal(found.tokens, np.repeat(expected.tokens, 3, axis=1))
    np.testing.assert_allclose(found.log_probs, np.repeat(expected.log_probs, 3, axis=1), atol=1e-5)


def test_no_temperature_brings_forbidden_words():
    tokens = sample(Sample(MANY, temperature=1e6), Rules(START, END, max_words=3, forbidden_ids=[START, 2])).tokens
    assert not np.isin(tokens, [START, 2]).any()


def test_a_seed_repeats_the_captions_and_another_one_does_not():
    search = Sample(10, seed=7)
    np.testing.assert_array_equal(sample(search).tokens, sample(Sample(10, seed=7)).tokens)
    assert (sample(search).tokens.numpy() != sample(Sample(10, seed=8)).tokens.numpy()).any()


def test_two_samples_are_independent():
    tokens = sample(Sample(2 * MANY), clips=[0]).tokens[0, :, 0].numpy()
    assert len(set(tokens)) > 1


def test_samples_are_drawn_in_a_graph_without_python():
    def call(position, before, memory):
        return Sample(2, top_p=0.9)(ToyDecoder().step, (position, before), memory, RULES)

    numbers = tf.TensorSpec([None], tf.int32)
    graph = tf.function(call, autograph=False).get_concrete_function(numbers, numbers, tf.TensorSpec([None])).graph
    definition = graph.as_graph_def()
    nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    kinds = {node.op for node in nodes}
    assert any(kind.startswith("StatelessRandomUniform") for kind in kinds)
    assert not {kind for kind in kinds if "PyFunc" in kind or kind in ("RandomUniform", "RandomUniformInt")}
