"""Captions without their padding, for training."""

import tensorflow as tf

# The number of rows of a step is rounded up to a multiple of this, because oneDNN prepares each new shape of a product.
GROUP = 8


class Packing:
    """Positions of captions without padding, step after step.

    A batch of captions `[rows, words]` is mostly padding if clips have different numbers of captions of different
    lengths. Here rows are sorted by length, the longest first, and rows of length 0 are dropped, so the rows that have
    not ended are the first `counts[step]` of a step. Tensors of all positions, `[positions, ...]`, hold
    the rows of the first step, then those of the second, and so on. Counts are rounded up, so some positions are not
    `valid`; they repeat others and must not count in a loss.

    The number of positions depends on the lengths, so XLA cannot compile what uses it.

    Args:
        lengths: int32 `[rows]`, positions of each row that are needed.
        words: int, number of positions of a row with its padding.

    Attributes:
        captions: int, number of rows, with those of length 0.
        words: int, see above.
        rows: int32 `[slots]`, the row of each slot of the first step.
        counts: int32 `[steps]`, number of slots of each step, which never increases.
        offsets: int32 `[steps]`, first position of each step.
        step: int32 `[positions]`, the step of each position.
        row: int32 `[positions]`, its row.
        valid: bool `[positions]`, whether it counts in the loss.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models.packing import Packing
        >>> packing = Packing(tf.constant([1, 0, 2]), words=4)
        >>> words = tf.constant([[5, 0, 0, 0], [0, 0, 0, 0], [6, 7, 0, 0]])
        >>> packing.pack(words)[packing.valid].numpy().tolist()
        [6, 5, 7]
    """

    def __init__(self, lengths, words):
        self.captions, self.words = tf.shape(lengths)[0], words
        order = tf.argsort(lengths, direction="DESCENDING", stable=True)
        lengths = tf.gather(lengths, order)
        # At least one group and one step, so that nothing is empty.
        slots = _rounded(tf.maximum(tf.math.count_nonzero(lengths, dtype=tf.int32), 1))
        missing = tf.maximum(slots - tf.shape(order)[0], 0)
        self.rows, lengths = (tf.pad(values[:slots], [[0, missing]]) for values in (order, lengths))
        steps = tf.maximum(lengths[0], 1)
        longer = lengths > tf.range(steps)[:, tf.newaxis]
        self.counts = _rounded(tf.maximum(tf.math.count_nonzero(longer, axis=1, dtype=tf.int32), 1))
        self.offsets = tf.cumsum(self.counts, exclusive=True)
        place = tf.cast(tf.where(tf.range(slots) < self.counts[:, tf.newaxis]), tf.int32)
        self.step, slot = place[:, 0], place[:, 1]
        self.row = tf.gather(self.rows, slot)
        self.valid = self.step < tf.gather(lengths, slot)

    def pack(self, tensor):
        """Packs `[rows, words, ...]` to `[positions, ...]`."""
        rows = tf.reshape(tensor, tf.concat([[-1], tf.shape(tensor)[2:]], 0))
        return tf.ensure_shape(tf.gather(rows, self._place()), [None, *tensor.shape[2:]])

    def unpack(self, tensor):
        """Puts `[positions, ...]` back to `[rows, words, ...]`, with zeros as padding."""
        rows, words = self.captions, self.words
        # Invalid positions go to a row of their own.
        place = tf.where(self.valid, self._place(), rows * words)[:, tf.newaxis]
        places = tf.scatter_nd(place, tensor, tf.concat([[rows * words + 1], tf.shape(tensor)[1:]], 0))
        unpacked = tf.reshape(places[:-1], tf.concat([[rows, words], tf.shape(tensor)[1:]], 0))
        return tf.ensure_shape(unpacked, [None, None, *tensor.shape[1:]])

    def _place(self):
        return self.row * self.words + self.step


def caption_lengths(weights):
    """Positions of each caption that training needs: up to the last one whose weight in the loss is not 0.

    Args:
        weights: float `[..., words]`.

    Returns:
        int32 `[...]`.
    """
    places = tf.range(tf.shape(weights)[-1]) + 1
    return tf.reduce_max(tf.where(weights != 0, places, 0), axis=-1)


def _rounded(count):
    return -(-count // GROUP) * GROUP
