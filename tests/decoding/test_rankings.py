"""Diverse beam search, consensus, and the score of given captions."""

import numpy as np
import pytest
import tensorflow as tf
from contracts.search import BATCH, END, START, ToyDecoder

from aac_tf.decoding import Beam, Consensus, DiverseBeam, Hypotheses, Rules, Sample, score_captions

RULES = Rules(START, END, max_words=6, forbidden_ids=[START])


def run(search):
    decoder = ToyDecoder()
    return search(decoder.step, *decoder.initial(range(BATCH)), RULES)


def test_one_group_is_beam_search():
    found, expected = run(DiverseBeam(beam_size=4, groups=1, length_penalty=0.5)), run(Beam(4, length_penalty=0.5))
    np.testing.assert_array_equal(found.tokens, expected.tokens)
    np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-6)


def test_groups_of_one_start_with_different_words():
    tokens = run(DiverseBeam(beam_size=4, groups=4, diversity=50.0)).tokens.numpy()
    assert all(len(set(captions[:, 0])) == 4 for captions in tokens)


def test_without_diversity_all_groups_find_the_same():
    tokens = run(DiverseBeam(beam_size=4, groups=2, diversity=0.0)).tokens.numpy()
    expected = run(Beam(2)).tokens.numpy()
    np.testing.assert_array_equal(tokens, np.repeat(expected, 2, axis=1))


def cider_of(captions, weights):
    """Mean similarity of each caption to all, computed with dictionaries of n-grams."""

    def vector(caption, n):
        counts = {}
        for start in range(len(caption) - n + 1):
            ngram = caption[start : start + n]
            counts[ngram] = counts.get(ngram, 0) + sum(np.log(word + 1) for word in ngram)
        return counts

    def cosine(one, other):
        norms = np.sqrt(sum(v * v for v in one.values())) * np.sqrt(sum(v * v for v in other.values()))
        return sum(value * other.get(ngram, 0) for ngram, value in one.items()) / norms if norms else 0

    means = []
    for one in captions:
        similar = [
            np.mean([cosine(vector(one, n), vector(other, n)) for n in range(1, 5)])
            * np.exp(-((len(one) - len(other)) ** 2) / 72)
            for other in captions
        ]
        means.append(np.average(similar, weights=weights))
    return means


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_consensus_ranks_by_the_mean_similarity(power):
    found = run(Sample(samples=12, seed=5))
    ranked = Consensus(Sample(samples=12, seed=5), power).rank(found, END)
    for clip in range(BATCH):
        captions = [tuple(word for word in caption if word != END) for caption in found.tokens[clip].numpy().tolist()]
        log_probs = found.log_probs[clip].numpy()
        means = cider_of(captions, np.exp(power * (log_probs - log_probs.max())))
        by_caption = dict(zip(captions, means))
        best = [tuple(word for word in caption if word != END) for caption in ranked.tokens[clip].numpy().tolist()]
        assert sorted(best) == sorted(captions)
        assert (np.diff([by_caption[caption] for caption in best]) <= 2e-5).all()
        assert by_caption[best[0]] == pytest.approx(max(means), abs=2e-5)


def test_consensus_puts_impossible_captions_last():
    tokens = tf.constant([[[3, 4, END], [3, 5, END], [3, 5, END]]])
    found = Consensus(Beam(3)).rank(Hypotheses(tokens, tf.constant([[-2.0, -1.0, -3e38]])), END)
    assert found.log_probs[0, 2] < -1e30


def test_captions_of_a_beam_have_the_score_that_the_beam_says():
    decoder = ToyDecoder()
    found = run(Beam(4))
    scores = score_captions(decoder.step, *decoder.initial(range(BATCH)), START, END, found.tokens)
    np.testing.assert_allclose(scores, found.log_probs, atol=1e-5)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (Beam(3, length_penalty=0.5), Beam(6, length_penalty=0.5)),
        (DiverseBeam(3, groups=3), DiverseBeam(6, groups=3)),
        (Consensus(Beam(3), power=1.0), Consensus(Beam(6), power=1.0)),
        (Consensus(Sample(3)), Consensus(Beam(6))),
        (Sample(3), None),
    ],
)
def test_a_beam_size_keeps_the_other_options(search, expected):
    assert search.with_beam_size(6) == expected
