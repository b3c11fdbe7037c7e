"""The operations with which headers are interpreted: on bytes and ints, or on tensors inside a graph."""

from __future__ import annotations

import tensorflow as tf

from aac_tf.audio import checks


class OnHost:
    """Operations on bytes, ints and bools, without TensorFlow, so that many threads can use them."""

    @staticmethod
    def number(data, start, stop):
        """The int that bytes encode with the least significant byte first; missing bytes count as zeros."""
        return int.from_bytes(data[start:stop], "little")

    @staticmethod
    def where(condition, value, other):
        """`value` if the condition holds, otherwise `other`."""
        return value if condition else other

    @staticmethod
    def text(*pieces):
        """Joins strings and numbers."""
        return "".join(map(str, pieces))

    @staticmethod
    def first_reason(*pairs):
        """The reason of the first pair `(condition, reason)` whose condition fails, empty if all hold."""
        return next((reason for condition, reason in pairs if not condition), "")


class InGraph:
    """The operations of `OnHost` on int32 `[count]`, int64 scalars and bool scalars."""

    @staticmethod
    def number(data, start, stop):
        """See `OnHost.number`."""
        digits = tf.cast(data[start:stop], tf.int64)
        return tf.reduce_sum(digits * [256**place for place in range(stop - start)])

    @staticmethod
    def where(condition, value, other):
        """See `OnHost.where`; ints become int64."""
        value, other = (tf.constant(item, tf.int64) if isinstance(item, int) else item for item in (value, other))
        return tf.where(condition, value, other)

    @staticmethod
    def text(*pieces):
        """See `OnHost.text`."""
        return tf.strings.join([piece if isinstance(piece, str) else tf.strings.as_string(piece) for piece in pieces])

    @staticmethod
    def first_reason(*pairs):
        """See `OnHost.first_reason`."""
        return checks.first_reason(*pairs)
