"""Rules about repetition, and constraints by word."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.decoding import Beam, ConstraintError, Constraints, Greedy, Rules, Sample

START, END, VOCABULARY = 0, 1, 6
WORDS = ["<PAD>", "<START>", "<END>", "<UNK>", "a", "dog", "barks", "barking", "and", "man"]


def stubborn(favourites):
    """A step function that always prefers the same words, in this order."""
    logits = np.zeros([1, VOCABULARY], np.float32)
    for rank, word in enumerate(favourites):
        logits[0, word] = 9.0 - rank
    return lambda tokens, state, memory: (tf.repeat(logits, tf.shape(tokens)[0], axis=0), state)


def words_of(search, step, **rules):
    rules = Rules(START, END, forbidden_ids=[START], **rules)
    return search(step, tf.zeros([1, 1]), None, rules).tokens[0, 0].numpy().tolist()


@pytest.mark.parametrize("search", [Greedy(), Sample(temperature=0.01)], ids=repr)
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, [2, 2, 2, 2, 2, 1]),
        ({"repeatable_ids": []}, [2, 3, 4, 5, 1, 1]),
        ({"repeatable_ids": [3]}, [2, 3, 4, 3, 5, 1]),
        ({"no_repeat_ngram": 1}, [2, 3, 4, 5, 1, 1]),
        ({"no_repeat_ngram": 2}, [2, 2, 3, 2, 4, 1]),
        ({"no_repeat_ngram": 3}, [2, 2, 2, 3, 2, 1]),
        ({"no_repeat_ngram": 2, "repeatable_ids": [2]}, [2, 3, 2, 4, 2, 1]),
        ({"no_repeat_ngram": 9}, [2, 2, 2, 2, 2, 1]),
        # No word is left, so the caption is shorter than the minimum.
        ({"repeatable_ids": [], "min_words": 5}, [2, 3, 4, 5, 1, 1]),
    ],
)
def test_words_and_sequences_come_once(search, rules, expected):
    assert words_of(search, stubborn([2, 3, 4, 5]), max_words=5, **rules) == expected


@pytest.mark.parametrize("rules", [{"repeatable_ids": [3]}, {"no_repeat_ngram": 2}, {"no_repeat_ngram": 3}], ids=repr)
def test_a_wide_beam_finds_all_captions_that_follow_the_rules(rules):
    table = np.random.default_rng(0).normal(size=[VOCABULARY, VOCABULARY]).astype(np.float32)

    def step(tokens, state, memory):
        return tf.gather(tf.constant(table), tokens), state

    def follows(words):
        once = [word for word in words if word not in rules.get("repeatable_ids", words)]
        size = rules.get("no_repeat_ngram", len(words) + 1)
        ngrams = [words[start : start + size] for start in range(len(words) - size + 1)]
        in_a_row = "repeatable_ids" in rules and any(word == after for word, after in itertools.pairwise(words))
        return len(set(once)) == len(once) and len(set(ngrams)) == len(ngrams) and not in_a_row

    captions = [words for length in range(1, 5) for words in itertools.product(range(2, VOCABULARY), repeat=length)]
    expected = {words for words in captions if follows(words)}
    assert len(expected) < len(captions)
    found = Beam(350)(step, tf.zeros([1, 1]), None, Rules(START, END, 4, forbidden_ids=[START], **rules))
    tokens = found.tokens[0].numpy()[found.log_probs[0].numpy() > -1e30].tolist()
    assert {tuple(words[: words.index(END)]) for words in tokens} == expected
    assert len(tokens) == len(expected)


def test_repetition_needs_the_words_so_far():
    with pytest.raises(ValueError, match="pass `tokens`"):
        Rules(START, END, repeatable_ids=[]).log_probs(tf.zeros([1, 4]), 0)


def test_words_become_ids():
    rules = Constraints(
        forbidden_words=["barking"], repeat_words="function", repeatable_words=["man"], no_repeat_ngram=3, min_words=2
    ).rules(WORDS, 20)
    assert rules == {
        "max_words": 20,
        "min_words": 2,
        "forbidden_ids": (7,),
        "repeatable_ids": (4, 8, 9),  # a, and, man
        "no_repeat_ngram": 3,
    }
    assert Constraints(repeat_words="none").rules(WORDS, 20)["repeatable_ids"] == ()
    assert Rules(1, 2, **Constraints().rules(WORDS, 20)) == Rules(1, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Constraints(forbidden_words=["bark"]),
            "does not know the word `bark`; similar words .*: barks, barking",
        ),
        (lambda: Constraints(forbidden_words=["<END>"]), "does not know the word `<END>`"),
        (lambda: Constraints(forbidden_words=WORDS[4:]), "there is no other word"),
        (lambda: Constraints(forbidden_words="dog"), "must be a list of words"),
        (lambda: Constraints(repeatable_words=["dog"]), "needs repeat_words=function or none"),
        (lambda: Constraints(repeat_words="all"), "must be one of any, function, none"),
        (lambda: Constraints(max_words=21), "max_words=21: the model was trained for at most 20 words"),
        (lambda: Constraints(min_words=5, max_words=4), "min_words=5 is more than the maximum of 4 words"),
        (lambda: Constraints(no_repeat_ngram=0), "no_repeat_ngram must be at least 1"),
    ],
)
def test_constraints_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ConstraintError, match=message):
        make().rules(WORDS, 20)
