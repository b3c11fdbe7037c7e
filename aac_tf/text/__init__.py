"""Captions to word ids and back."""

from typing import TYPE_CHECKING

from aac_tf.text.errors import StyleError
from aac_tf.utils.lazy import import_on_use

# Type checkers, editors and the API reference read the imports and `__all__`.
if TYPE_CHECKING:
    from aac_tf.text.standardization import standardize
    from aac_tf.text.word_tokenizer import WordTokenizer
else:
    # Imported on first use: a style can be checked without TensorFlow.
    __getattr__ = import_on_use(__name__, {"WordTokenizer": "word_tokenizer", "standardize": "standardization"})


__all__ = ["StyleError", "WordTokenizer", "standardize"]
