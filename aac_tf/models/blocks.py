"""Attention to sounds of any length in bounded memory, one block of encoder steps at a time."""

import contextlib
import contextvars

import tensorflow as tf

# The hidden layer of a block is in memory for each clip and hypothesis.
BLOCK_STEPS = 8192

_ALL = 0
_STEPS: contextvars.ContextVar = contextvars.ContextVar("steps of a block", default=None)


@contextlib.contextmanager
def in_blocks(steps=None):
    """Lets `TemporalAttention` compute its hidden layer one block of encoder steps at a time, in functions traced here.

    The results are the same as without blocks.

    Args:
        steps: int, encoder steps of a block; None takes `BLOCK_STEPS`.
    """
    if _STEPS.get() == _ALL:
        yield
        return
    with _set_steps(BLOCK_STEPS if steps is None else steps):
        yield


def without_blocks():
    """Lets functions traced here compute all steps at once, whatever `in_blocks` says: LiteRT lacks such loops."""
    return _set_steps(_ALL)


@contextlib.contextmanager
def _set_steps(steps):
    token = _STEPS.set(steps)
    try:
        yield
    finally:
        _STEPS.reset(token)


def over_steps(function, keys):
    """Applies a function that treats each encoder step alone, in the blocks of `in_blocks` or to all steps at once.

    Args:
        function: from keys `[batch, (1,) steps, units]` to float32 `[batch, (words,) steps]`.
        keys: `[batch, (1,) steps, units]`.

    Returns:
        float32 `[batch, (words,) steps]`.
    """
    size, steps = _STEPS.get(), keys.shape[-2]
    if not size or (steps is not None and steps <= size):
        return function(keys)
    count, rank = tf.shape(keys)[-2], keys.shape.rank
    order = [rank - 2, *range(rank - 2)]

    def body(index, results):
        part = keys[..., index * size : (index + 1) * size, :]
        return index + 1, results.write(index, tf.transpose(function(part), order))

    blocks = -(-count // size)
    results = tf.TensorArray(tf.float32, blocks, infer_shape=False, element_shape=[None] * (rank - 1))
    _, results = tf.while_loop(lambda index, _: index < blocks, body, (0, results), parallel_iterations=1)
    return tf.transpose(results.concat(), [*range(1, rank - 1), 0])
