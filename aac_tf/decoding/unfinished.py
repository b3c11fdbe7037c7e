"""A loop over the clips of a batch that leaves out clips once they have ended."""

import tensorflow as tf

from aac_tf.decoding.search import keep_shapes, take_rows

# Clips are left out as soon as no more than this share goes on. With a lower share they stay longer; with a higher one,
# what is left is copied too often.
_SHARE = 0.75


def loop_over_unfinished(body, going, found, rest, memory, size, max_steps):
    """Repeats a step of a search until all clips have ended.

    Captions differ in length, so a search would otherwise spend a third of its time on clips that have ended. If the
    size of the batch is known from any tensor when a function is traced, as XLA and LiteRT need it, all clips stay.

    Args:
        body: function `(position, found, rest, memory) -> (found, rest)`, whose int32 `position` counts steps. What it
            does for a clip must depend on these arguments and on the clip alone.
        going: function `(position, found, rest) -> bool [batch]`, which clips have not ended.
        found: nest of tensors `[batch, ...]` that are returned.
        rest: nest of tensors `[batch * size, ...]`, the other variables of the loop.
        memory: nest of tensors `[batch, ...]`, which do not change; None without any.
        size: int, rows of a clip.
        max_steps: int, maximum number of steps.

    Returns:
        `found` of each clip after its last step.
    """

    def run(position, found, rest, held, enough):
        def running(*variables):
            return tf.math.count_nonzero(going(*variables), dtype=tf.int32) > enough

        def step(*variables):
            return keep_shapes((variables[0] + 1, *body(*variables, *(held or [None]))), variables)

        return tf.while_loop(running, step, (position, found, rest), maximum_iterations=max_steps - position)

    def run_until_some_end(clips, position, result, found, rest, held):
        enough = tf.cast(_SHARE * tf.cast(tf.size(clips), tf.float32), tf.int32)
        position, found, rest = run(position, found, rest, held, enough)
        result = tf.nest.map_structure(
            lambda old, new: tf.tensor_scatter_nd_update(old, clips[:, tf.newaxis], new), result, found
        )
        left = tf.cast(tf.where(going(position, found, rest))[:, 0], tf.int32)
        rows = tf.reshape(left[:, tf.newaxis] * size + tf.range(size), [-1])
        clips, found, held = take_rows((clips, found, held), left)
        return clips, position, result, found, take_rows(rest, rows), held

    held = [] if memory is None else [memory]
    if any(tensor.shape[0] is not None for tensor in tf.nest.flatten((found, held))):
        return run(tf.constant(0), found, rest, held, 0)[1]
    clips = tf.range(tf.shape(tf.nest.flatten(found)[0])[0])
    loop = clips, tf.constant(0), found, found, rest, held
    return tf.while_loop(
        lambda clips, position, *_: (tf.size(clips) > 0) & (position < max_steps),
        lambda *variables: keep_shapes(run_until_some_end(*variables), variables),
        loop,
    )[2]
