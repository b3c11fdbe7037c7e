"""Everyday sounds synthesized with NumPy."""

from aac_tf.scenes.synthesis.render import LOWEST_SAMPLE_RATE, SYNTHETIC_CATEGORIES, synthesize

__all__ = ["LOWEST_SAMPLE_RATE", "SYNTHETIC_CATEGORIES", "synthesize"]
