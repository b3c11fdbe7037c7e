"""Captions written by a grammar of our own for the sounds that a bank has, and their scripts."""

from aac_tf.scenes.writing.scripts import write_scripts

__all__ = ["write_scripts"]
