"""Conversion to LiteRT (TensorFlow Lite): one file from waveform to words, with built-in operations only."""

from aac_tf.export.lite.convert import convert, export_lite

__all__ = ["convert", "export_lite"]
