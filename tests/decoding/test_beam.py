"""Greedy and beam search."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.decoding import beam_search, greedy_search

START, END, VOCABULARY = 0, 1, 5


def make_step(seed=0, calls=None):
    """A step function whose logits depend on the previous word and on the number of words before it."""
    table = np.random.default_rng(seed).normal(size=(8, VOCABULARY, VOCABULARY)).astype(np.float32) * 2

    def step(tokens, state, memory):
        if calls is not None:
            calls.append(1)
        scale = tf.repeat(memory, tf.shape(tokens)[0] // tf.shape(memory)[0])
        logits = tf.gather_nd(tf.constant(table), tf.stack([state, tokens], axis=1)) * scale[:, tf.newaxis]
        return logits, state + 1

    return step, table


def step_of_length(tokens, state, memory):
    """A step function after which a clip has as many words as its memory says."""
    words = tf.repeat(memory, tf.shape(tokens)[0] // tf.shape(memory)[0])
    return tf.where((state < words)[:, tf.newaxis], [[0.0, -50.0, 9.0]], [[-50.0, 50.0, -50.0]]), state + 1


def start(batch=2):
    return tf.zeros([batch], tf.int32), tf.linspace(1.0, 0.5, batch)


def exhaustive(table, scale, max_words, forbidden):
    """Every caption with its log-probability, best first."""
    words = [word for word in range(VOCABULARY) if word != END and word not in forbidden]
    found = []
    for length in range(1, max_words + 1):
        for caption in itertools.product(words, repeat=length):
            total, previous = 0.0, START
            for position, word in enumerate((*caption, END)):
                logits = table[position, previous].astype(np.float64) * scale
                total += logits[word] - np.log(np.exp(logits).sum())
                previous = word
            found.append((total, (*caption, *[END] * (max_words + 1 - length))))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_a_wide_beam_equals_exhaustive_search(seed):
    step, table = make_step(seed)
    state, memory = start()
    found = beam_search(step, state, memory, START, END, beam_size=64, max_words=3, forbidden_ids=[START])
    for row in range(2):
        expected = exhaustive(table, memory[row].numpy(), 3, [START])
        count = len(expected)  # 3 + 9 + 27 captions of the words 2, 3, 4
        np.testing.assert_allclose(found.log_probs[row, :count], [value for value, _ in expected], atol=1e-4)
        assert found.tokens[row, :count].numpy().tolist() == [list(caption) for _, caption in expected]
        assert (found.log_probs[row, count:] < -1e30).numpy().all()


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_greedy(seed):
    step, _ = make_step(seed)
    greedy = greedy_search(step, *start(), START, END, max_words=6, forbidden_ids=[START])
    beam = beam_search(step, *start(), START, END, beam_size=1, max_words=6, forbidden_ids=[START])
    np.testing.assert_array_equal(greedy.tokens, beam.tokens[:, 0])
    np.testing.assert_allclose(greedy.log_probs, beam.log_probs[:, 0], atol=1e-5)


def test_a_wider_beam_is_sorted_and_not_worse():
    step, _ = make_step(3)
    greedy = greedy_search(step, *start(), START, END, max_words=6, forbidden_ids=[START])
    beam = beam_search(step, *start(), START, END, beam_size=5, max_words=6, forbidden_ids=[START])
    assert (beam.log_probs[:, 0] >= greedy.log_probs - 1e-6).numpy().all()
    assert (np.diff(beam.log_probs) <= 0).all()
    assert len({tuple(tokens) for tokens in beam.tokens[0].numpy()}) == 5


def test_forbidden_words_never_occur_and_every_caption_ends():
    step, _ = make_step(1)
    for beam_size in (1, 4):
        tokens = beam_search(
            step, *start(), START, END, beam_size=beam_size, max_words=6, forbidden_ids=[START, 3]
        ).tokens.numpy()
        assert not np.isin(tokens, [START, 3]).any()
        assert (tokens[..., 0] != END).all()  # not empty
        assert (tokens[..., -1] == END).all()


def test_length_penalty_prefers_longer_captions():
    def step(tokens, state, memory):  # each word lowers the log-probability
        return tf.repeat([[-9.0, 0.0, 0.2]], tf.shape(tokens)[0], axis=0), state

    state, memory = start(1)
    words = []
    for penalty in (0.0, 1.0):
        found = beam_search(step, state, memory, START, END, beam_size=3, max_words=5, length_penalty=penalty)
        words.append(int(tf.reduce_sum(tf.cast(found.tokens[0, 0] != END, tf.int32))))
    assert words[0] == 1
    assert words[1] > 1


def test_stops_when_all_captions_have_ended():
    calls = []

    def step(tokens, state, memory):  # one word, then END
        calls.append(1)
        return tf.where(tf.reduce_all(state == 0), [[0.0, -50.0, 9.0]], [[0.0, 50.0, 0.0]]), state + 1

    state, memory = start(1)
    greedy_search(step, state, memory, START, END, max_words=20)
    assert len(calls) == 2
    calls.clear()
    beam_search(step, state, memory, START, END, beam_size=1, max_words=20)
    assert len(calls) == 2


def test_clips_that_have_ended_leave_the_batch():
    rows = tf.Variable(0)

    def step(tokens, state, memory):
        rows.assign_add(tf.shape(tokens)[0])
        return step_of_length(tokens, state, memory)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)], autograph=False)
    def search(words):
        return beam_search(step, tf.zeros_like(words), words, START, END, beam_size=2, max_words=9)

    lengths = [9, 1, 3, 1, 2, 1, 6, 1]
    found = search(tf.constant(lengths))
    assert tf.math.count_nonzero(found.tokens[:, 0] != END, axis=1).numpy().tolist() == lengths
    assert int(rows) < 2 * 1.3 * sum(length + 1 for length in lengths) < 2 * len(lengths) * 10
    for clip, length in enumerate(lengths):
        alone = search(tf.constant([length]))
        np.testing.assert_array_equal(found.tokens[clip], alone.tokens[0])
        np.testing.assert_allclose(found.log_probs[clip], alone.log_probs[0], rtol=1e-5)


@pytest.mark.parametrize("known", ["state", "memory"])
def test_the_size_of_the_batch_may_be_known_from_some_tensors_only(known):
    lengths, clips = [5, 1, 3, 1], 4

    def step(tokens, state, memory):
        words = tf.reshape(memory, [memory.shape[0] or -1])  # an error if that is not the size
        return step_of_length(tokens, state, words)

    spec = {name: tf.TensorSpec([clips if name == known else None], tf.int32) for name in ("state", "memory")}

    @tf.function(input_signature=list(spec.values()), autograph=False)
    def search(state, memory):
        return beam_search(step, state, memory, START, END, beam_size=2, max_words=9)

    found = search(tf.zeros([clips], tf.int32), tf.constant(lengths))
    assert tf.math.count_nonzero(found.tokens[:, 0] != END, axis=1).numpy().tolist() == lengths


def test_one_trace_for_all_batches_and_the_same_under_xla():
    traces = []
    step, _ = make_step(2, traces)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32)])
    def search(state, memory):
        return beam_search(step, state, memory, START, END, beam_size=3, max_words=6, forbidden_ids=[START])

    for batch in (1, 4, 2):
        search(*start(batch))
    assert len(traces) == 1
    compiled = tf.function(search.python_function, jit_compile=True)(*start(4))
    np.testing.assert_array_equal(compiled.tokens, search(*start(4)).tokens)
    np.testing.assert_allclose(compiled.log_probs, search(*start(4)).log_probs, atol=1e-5)
