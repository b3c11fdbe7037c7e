"""Change points of a sequence: where a sound becomes another one."""

import tensorflow as tf


def partition(cells, penalty, longest, newest=()):
    """Divides a sequence into segments that are alike within themselves.

    Of all divisions into segments of at most `longest` cells, this is the one with the lowest sum of squared distances
    of the cells from the means of their segments, plus `penalty` for each segment. It is found by dynamic programming
    (optimal partitioning); with a limited length of segments, its time is linear in the length of the sequence without
    the pruning of PELT.

    Args:
        cells: float32 `[cells, width]`, at least one.
        penalty: float, cost of a segment.
        longest: int, maximum number of cells of a segment.
        newest: list of float, penalties of a last segment of 1, 2, ... cells, where they differ from `penalty`. In an
            ongoing sequence, lower ones find a change earlier.

    Returns:
        int32 `[segments + 1]`, the first cell of each segment, and the number of cells.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.inference.partition import partition
        >>> partition(tf.constant([[0.0], [0.1], [0.0], [1.0], [0.9]]), penalty=0.1, longest=10).numpy().tolist()
        [0, 3, 5]
        >>> partition(tf.constant([[0.0], [0.1], [0.0], [0.3]]), penalty=0.1, longest=10).numpy().tolist()
        [0, 4]
        >>> partition(tf.constant([[0.0], [0.1], [0.0], [0.3]]), 0.1, 10, newest=[0.05]).numpy().tolist()
        [0, 3, 4]

    Reference:
        B. Jackson et al., An algorithm for optimal partitioning of data on an interval, IEEE Signal Processing Letters,
        2005; R. Killick, P. Fearnhead, I. A. Eckley, Optimal detection of changepoints with a linear computational
        cost, Journal of the American Statistical Association, 2012.
    """
    count = tf.shape(cells)[0]
    costs = _costs(cells, longest)
    saved = tf.pad(tf.constant(newest, cells.dtype, [len(newest)]) - penalty, [[0, longest - len(newest)]])
    costs += tf.where(tf.range(count) == count - 1, 1.0, 0.0)[:, tf.newaxis] * saved

    def extend(end, recent, chosen):
        # recent[l - 1] is the lowest cost up to cell end - l.
        total = recent + costs[end - 1]
        length = tf.argmin(total, output_type=tf.int32)
        recent = tf.concat([total[length][tf.newaxis] + penalty, recent[:-1]], axis=0)
        return end + 1, recent, chosen.write(end - 1, length + 1)

    recent = tf.concat([[0.0], tf.fill([longest - 1], cells.dtype.max)], axis=0)
    chosen = tf.TensorArray(tf.int32, count, element_shape=[])
    _, _, chosen = tf.while_loop(
        lambda end, *_: end <= count, extend, (1, recent, chosen), parallel_iterations=1, maximum_iterations=count
    )
    lengths = chosen.stack()

    def back(end, bounds):
        begin = end - lengths[end - 1]
        return begin, tf.concat([begin[tf.newaxis], bounds], axis=0)

    _, bounds = tf.while_loop(
        lambda end, _: end > 0,
        back,
        (count, count[tf.newaxis]),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None])),
        parallel_iterations=1,
    )
    return bounds


def _costs(cells, longest):
    """float32 `[cells, longest]`: the squared distances from their mean of the l + 1 cells that end with each cell."""
    squares = tf.reduce_sum(tf.square(cells), axis=1)
    columns, sums, total = [], tf.zeros_like(cells), tf.zeros_like(squares)
    for length in range(1, longest + 1):
        # Sums of few cells: differences of cumulative sums of a whole day would be rounded too much.
        sums += tf.pad(cells, [[length - 1, 0], [0, 0]])[: tf.shape(cells)[0]]
        total += tf.pad(squares, [[length - 1, 0]])[: tf.shape(cells)[0]]
        cost = total - tf.reduce_sum(tf.square(sums), axis=1) / length
        inside = tf.range(tf.shape(cells)[0]) >= length - 1
        columns.append(tf.where(inside, cost, cells.dtype.max / 4))
    return tf.stack(columns, axis=1)
