"""The contract of a search."""

import typing

import tensorflow as tf


class Hypotheses(typing.NamedTuple):
    """Captions found by a search.

    Attributes:
        tokens: int32 `[batch, size, max_words + 1]`, the words of each caption, padded with `end_id`. The last
            column is always `end_id`.
        log_probs: float32 `[batch, size]`, the model's log-probability of each caption: the sum over its words and
            the `end_id` that ends it.
    """

    tokens: tf.Tensor
    log_probs: tf.Tensor


class Search:
    """Base class of the searches.

    A subclass is a frozen dataclass whose fields are its options; it implements `size` and `__call__`. It uses core
    TensorFlow ops only, so that it also runs under XLA and inside a SavedModel, and keeps no state: the same arguments
    give the same captions. The captions of a clip do not depend on the other clips in the batch.

    Call arguments:
        step: function `(tokens int32 [rows], state, memory) -> (logits float32 [rows, vocabulary], state)` that
            scores the words after `tokens`. A search that keeps `k` captions per clip calls it with `batch * k` rows
            of tokens and state; the rows of a clip are adjacent.
        state: nest of tensors `[batch, ...]`, the decoder's state before the first word. In a graph for any batch, its
            other sizes may grow with each step: a search may select rows of a state, but not mix those of two steps.
        memory: nest of tensors `[batch, ...]` that is passed to every `step`; None without any. Searches may leave out
            clips that have ended, from all arguments of `step`.
        rules: `Rules`, which words are allowed, how long a caption may be and which token comes before its first word.

    Returns:
        `Hypotheses` with `size` captions per clip, best first. The best caption is the one with the highest
        log-probability, unless the search defines its own ranking.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding import Greedy, Rules
        >>> def step(tokens, state, memory):  # 0 is <START>, 1 is <END>; the only likely caption is 2 3 <END>
        ...     return 9.0 * tf.one_hot(tf.gather([2, 0, 3, 1], tokens), 4), state
        >>> found = Greedy()(step, state=tf.zeros([1, 1]), memory=None, rules=Rules(start_id=0, end_id=1, max_words=4))
        >>> found.tokens.numpy()
        array([[[2, 3, 1, 1, 1]]], dtype=int32)
    """

    @property
    def size(self):
        """Number of captions per clip."""
        raise NotImplementedError

    def __call__(self, step, state, memory, rules):
        """Searches for captions; see the class docstring."""
        raise NotImplementedError

    def rank(self, hypotheses, end_id):
        """Sorts captions as this search does, for captions whose log-probabilities have changed.

        Args:
            hypotheses: `Hypotheses`.
            end_id: int.

        Returns:
            `Hypotheses`, best first.
        """
        return sort_hypotheses(hypotheses, hypotheses.log_probs)

    def with_beam_size(self, beam_size):
        """Returns this search with another beam size; None if it has no beam."""
        return None


def keep_shapes(variables, before):
    """Gives the variables of a loop the static shapes they had before, which a loop must not change.

    A function traced for a batch of known size needs it, as the ops in the loop may lose that size.
    """

    def keep(variable, before):
        variable.set_shape(before.shape)
        return variable

    return tf.nest.map_structure(keep, variables, before)


def repeat_rows(state, times):
    """Repeats every row of a nest of tensors, so that the copies of a row are adjacent."""
    return take_rows(state, tf.repeat(tf.range(tf.shape(tf.nest.flatten(state)[0])[0]), times))


def take_rows(state, rows):
    """The rows int32 `[...]` of a nest of tensors."""
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), state)


def sort_hypotheses(hypotheses, values):
    """Sorts the captions of each clip by values float32 `[batch, size]`, largest first; equal ones keep their order."""
    _, order = tf.math.top_k(values, k=values.shape[1])
    return Hypotheses(*(tf.gather(tensor, order, batch_dims=1) for tensor in hypotheses))


def count_words(tokens, end_id):
    """Number of words of captions int32 `[..., columns]` that are padded with `end_id`: int32 `[...]`."""
    return tf.reduce_sum(tf.cast(tokens != end_id, tf.int32), axis=-1)
