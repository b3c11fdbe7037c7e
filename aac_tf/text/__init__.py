"""Captions to word ids and back."""

import importlib
from typing import TYPE_CHECKING

from aac_tf.text.errors import StyleError

# Type checkers, editors and the API reference read the imports and `__all__`.
if TYPE_CHECKING:
    from aac_tf.text.standardization import standardize
    from aac_tf.text.word_tokenizer import WordTokenizer
else:
    # Imported on first use: a style can be checked without TensorFlow.
    _LAZY = {"WordTokenizer": "word_tokenizer", "standardize": "standardization"}

    def __getattr__(name):
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)


__all__ = ["StyleError", "WordTokenizer", "standardize"]
