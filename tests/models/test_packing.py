"""Captions without their padding."""

import numpy as np
import tensorflow as tf

from aac_tf.models import packing as packing_module
from aac_tf.models.packing import Packing, caption_lengths

LENGTHS = tf.constant([2, 0, 5, 1, 0, 5, 3, 1, 1, 1, 4])
WORDS = 6


def test_valid_positions_are_those_of_the_captions():
    packing = Packing(LENGTHS, WORDS)
    captions = tf.reshape(tf.range(11 * WORDS * 2), [11, WORDS, 2])
    mask = tf.sequence_mask(LENGTHS, WORDS)
    packed = packing.pack(captions)
    np.testing.assert_array_equal(np.sort(packed[packing.valid], axis=0), captions[mask])
    np.testing.assert_array_equal(packing.unpack(packed), tf.where(mask[..., tf.newaxis], captions, 0))


def test_a_slot_is_the_same_row_at_every_step(monkeypatch):
    monkeypatch.setattr(packing_module, "GROUP", 2)
    packing = Packing(LENGTHS, WORDS)
    assert packing.counts.numpy().tolist() == [10, 6, 4, 4, 2]
    assert packing.offsets.numpy().tolist() == [0, 10, 16, 20, 24]
    for step, (count, offset) in enumerate(zip(packing.counts.numpy(), packing.offsets.numpy(), strict=True)):
        here = slice(offset, offset + count)
        np.testing.assert_array_equal(packing.row[here], packing.rows[:count])
        np.testing.assert_array_equal(packing.step[here], step)


def test_captions_without_words():
    """A replica may get only rows that fill up the batch."""
    packing = Packing(tf.constant([0, 0]), WORDS)
    assert not packing.valid.numpy().any()
    np.testing.assert_array_equal(packing.unpack(packing.pack(tf.ones([2, WORDS]))), np.zeros([2, WORDS]))


def test_a_caption_ends_with_its_last_weight():
    """Negative weights are those of samples that are worse than others."""
    weights = tf.constant([[1.0, 0.0, -0.5, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert caption_lengths(weights).numpy().tolist() == [3, 0]
