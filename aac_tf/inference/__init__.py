"""A trained run to captions."""

from aac_tf.inference.captioner import Alternative, Caption, Captioner, Word

__all__ = ["Alternative", "Caption", "Captioner", "Word"]
