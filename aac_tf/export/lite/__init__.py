"""Captioner to LiteRT (TensorFlow Lite): a file from waveform to the words of greedy search, of built-in operations."""

from aac_tf.export.lite.convert import convert, export_lite

__all__ = ["convert", "export_lite"]
