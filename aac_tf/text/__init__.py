"""Captions to word ids and back."""

from aac_tf.text.errors import StyleError
from aac_tf.text.standardize import standardize
from aac_tf.text.word_tokenizer import WordTokenizer

__all__ = ["StyleError", "WordTokenizer", "standardize"]
