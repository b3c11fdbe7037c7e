"""What every search must pass."""

import dataclasses
import tempfile

import numpy as np
import tensorflow as tf

from aac_tf.decoding import Hypotheses, Rules

START, END, FORBIDDEN, VOCABULARY = 0, 1, 3, 7
BATCH = 4


def check_search(search, rank=lambda log_probs, words: log_probs):
    """Checks that a search fulfils the contract of `aac_tf.decoding.Search`, on a toy decoder.

    Args:
        search: `Search`.
        rank: function (log-probabilities, numbers of words) -> values by which the search ranks a clip's captions; None
            if they rank by something else.
    """
    assert search == dataclasses.replace(search), "a search is a dataclass"
    assert hash(search) == hash(dataclasses.replace(search)), "a search is frozen"
    for end_bias, rules in (
        (0.0, Rules(START, END, max_words=6, forbidden_ids=[START, FORBIDDEN])),
        (5.0, Rules(START, END, max_words=5, min_words=3, forbidden_ids=[START])),  # a decoder that soon ends captions
        (-20.0, Rules(START, END, max_words=4, forbidden_ids=[START])),  # and one that never does
        (0.0, Rules(START, END, max_words=6, min_words=2, forbidden_ids=[START], repeatable_ids=[2])),
        (-20.0, Rules(START, END, max_words=6, forbidden_ids=[START], no_repeat_ngram=2)),
    ):
        decoder = ToyDecoder(end_bias)
        found = _run(search, decoder, rules, np.arange(BATCH))
        _check_captions(found, search, rules)
        _check_log_probs(found, decoder, rules)
        if rank is not None:
            ranks = rank(found.log_probs, (found.tokens != END).sum(-1))
            assert (np.diff(ranks, axis=1) <= 1e-5).all(), f"captions are not sorted, best first: {ranks}"
        again = _found(search.rank(Hypotheses(tf.constant(found.tokens), tf.constant(found.log_probs)), END))
        np.testing.assert_array_equal(again.tokens, found.tokens, err_msg="`rank` sorts otherwise than the search")
    _check_batches(search)
    _check_starts(search)
    _check_graphs(search)


class ToyDecoder:
    """A decoder whose logits depend on the clip, on the position and on the last two tokens.

    Its state is the position and the token before the last one, so that a search which does not keep the state of a
    caption beside its tokens gets wrong logits.
    """

    def __init__(self, end_bias=0.0):
        table = np.random.default_rng(0).normal(size=(8, VOCABULARY, VOCABULARY, VOCABULARY)) * 2
        table[..., END] += end_bias
        self.table = table.astype(np.float32)

    def initial(self, clips):
        """State and memory of clips, given by their numbers."""
        memory = tf.constant(1 - np.asarray(clips) / 10, tf.float32)
        return (tf.zeros(tf.shape(memory), tf.int32), tf.fill(tf.shape(memory), START)), memory

    def step(self, tokens, state, memory):
        position, before = state
        scale = tf.repeat(memory, tf.shape(tokens)[0] // tf.shape(memory)[0])
        logits = tf.gather_nd(tf.constant(self.table), tf.stack([position, before, tokens], axis=1))
        return logits * scale[:, tf.newaxis], (position + 1, tokens)

    def log_prob(self, clip, tokens):
        """Log-probability of a caption, by teacher forcing."""
        total, before, previous = 0.0, START, START
        for position, token in enumerate(tokens):
            logits = self.table[position, before, previous].astype(np.float64) * (1 - clip / 10)
            total += logits[token] - np.log(np.exp(logits).sum())
            if token == END:
                break
            before, previous = previous, token
        return total


@dataclasses.dataclass
class Found:
    tokens: np.ndarray
    log_probs: np.ndarray


def _run(search, decoder, rules, clips):
    return _found(search(decoder.step, *decoder.initial(clips), rules))


def _found(hypotheses):
    tokens, log_probs = hypotheses
    assert tokens.dtype == tf.int32
    assert log_probs.dtype == tf.float32
    return Found(tokens.numpy(), log_probs.numpy())


def _check_captions(found, search, rules):
    assert found.tokens.shape == (BATCH, search.size, rules.max_words + 1), f"tokens have shape {found.tokens.shape}"
    assert found.log_probs.shape == (BATCH, search.size), f"log_probs have shape {found.log_probs.shape}"
    assert ((found.tokens >= 0) & (found.tokens < VOCABULARY)).all()
    assert not np.isin(found.tokens, rules.forbidden_ids).any(), "forbidden words"
    ended = found.tokens == END
    assert ended[..., -1].all(), "captions without an end"
    assert (np.diff(ended.astype(int)) >= 0).all(), "words after the end"
    assert ((~ended).sum(-1) >= rules.min_words).all(), "captions shorter than min_words"
    for caption in found.tokens[found.log_probs > -1e30].tolist():
        words = caption[: caption.index(END)]
        if rules.repeatable_ids is not None:
            once = [word for word in words if word not in rules.repeatable_ids]
            assert len(set(once)) == len(once), f"a word twice: {words}"
        if rules.no_repeat_ngram is not None:
            ngrams = list(zip(*(words[start:] for start in range(rules.no_repeat_ngram))))
            assert len(set(ngrams)) == len(ngrams), f"a sequence of words twice: {words}"


def _check_log_probs(found, decoder, rules):
    expected = [[decoder.log_prob(clip, tokens) for tokens in captions] for clip, captions in enumerate(found.tokens)]
    np.testing.assert_allclose(found.log_probs, expected, atol=1e-4, err_msg="log_probs are not the model's")


def _check_batches(search):
    decoder, rules = ToyDecoder(), Rules(START, END, max_words=6, forbidden_ids=[START])
    together = _run(search, decoder, rules, np.arange(BATCH))
    for clips in ([2], [3, 1], [0, 0, 2, 0, 0, 0]):
        _assert_same(_run(search, decoder, rules, clips), together, clips, f"clips {clips} as a batch of their own")


def _check_starts(search):
    """Clips of a batch may start with different tokens, and get the captions that each gets alone."""
    decoder, starts = ToyDecoder(), [START, 2, 5, START]
    rules = Rules(tf.constant(starts), END, max_words=6, forbidden_ids=[START])
    together = _run(search, decoder, rules, np.arange(BATCH))
    for clip, start in enumerate(starts):
        rules = Rules(start, END, max_words=6, forbidden_ids=[START])
        _assert_same(_run(search, decoder, rules, [clip]), together, [clip], f"for a clip that starts with {start}")


def _check_graphs(search):
    """One trace serves all batches; XLA and a SavedModel give the same captions."""
    decoder, rules = ToyDecoder(), Rules(START, END, max_words=6, forbidden_ids=[START])
    traces = []

    def captions(position, before, memory):
        traces.append(1)
        return tuple(search(decoder.step, (position, before), memory, rules))

    numbers = tf.TensorSpec([None], tf.int32)
    module = tf.Module()
    module.captions = tf.function(captions, [numbers, numbers, tf.TensorSpec([None], tf.float32)], autograph=False)
    expected = _run(search, decoder, rules, np.arange(BATCH))
    for clips in ([0], [0, 1, 2, 3], [1, 2]):
        state, memory = decoder.initial(clips)
        _assert_same(_found(module.captions(*state, memory)), expected, clips, "as a graph")
    assert len(traces) == 1, f"{len(traces)} traces"

    one = tf.TensorSpec([1], tf.int32)
    static = tf.function(captions, [one, one, tf.TensorSpec([1], tf.float32)], autograph=False)
    state, memory = decoder.initial([2])
    _assert_same(_found(static(*state, memory)), expected, [2], "in a graph with a batch of known size")

    state, memory = decoder.initial(np.arange(BATCH))
    compiled = tf.function(captions, jit_compile=True, autograph=False)
    _assert_same(_found(compiled(*state, memory)), expected, np.arange(BATCH), "under XLA")
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder)
        saved = tf.saved_model.load(folder).captions
        _assert_same(_found(saved(*state, memory)), expected, np.arange(BATCH), "in a SavedModel")


def _assert_same(found, expected, clips, where):
    np.testing.assert_array_equal(found.tokens, expected.tokens[clips], err_msg=f"other captions {where}")
    np.testing.assert_allclose(found.log_probs, expected.log_probs[clips], atol=1e-5, err_msg=where)
