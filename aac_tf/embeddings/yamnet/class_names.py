"""The names of YAMNet's classes."""

from __future__ import annotations

import functools
import pathlib


@functools.cache
def class_names():
    """Returns the names of YAMNet's 521 classes, a tuple of str in the order of its scores.

    Example:
        >>> from aac_tf.embeddings.yamnet.class_names import class_names
        >>> class_names()[:2], class_names().index("Silence")
        (('Speech', 'Child speech, kid speaking'), 494)
    """
    text = pathlib.Path(__file__).with_name("class_names.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))
