"""Captions of our own language, written for the sounds that a bank has, and the scripts that they say."""

from aac_tf.scenes.writing.scripts import write_scripts

__all__ = ["write_scripts"]
