"""Inference: captions and their attention from a trained model."""

from aac_tf.inference.caption import Alternative, Caption, Word
from aac_tf.inference.captioner import Captioner

__all__ = ["Alternative", "Caption", "Captioner", "Word"]
