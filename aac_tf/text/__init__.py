"""Captions to word ids and back."""

from aac_tf.text.vocabulary import WordTokenizer, standardize

__all__ = ["WordTokenizer", "standardize"]
