"""Labelling of recordings: a frozen encoder's classifier finds sounds, which become a bank."""

from aac_tf.labelling.stretches import Stretch, find_stretches

__all__ = ["Stretch", "find_stretches"]
