"""Styles in a vocabulary: ways of speaking, such as that of a dataset's annotators."""

import re

from aac_tf.text.errors import StyleError

# The word in place of <START> before a caption of a style. No caption contains it, as words have no punctuation.
STYLE = "<STYLE:{}>"
NO_STYLE = "none"


def find_styles(vocabulary):
    """Finds the styles of a vocabulary.

    Args:
        vocabulary: list of str, the words in the order of their ids.

    Returns:
        dict of the name of each style to its id.

    Example:
        >>> from aac_tf.text.styles import find_styles
        >>> find_styles(["<START>", "<END>", "<STYLE:clotho>", "dog"])
        {'clotho': 2}
    """
    matches = ((index, re.fullmatch(STYLE.format("(.+)"), word)) for index, word in enumerate(vocabulary))
    return {match[1]: index for index, match in matches if match}


def check_style(style, styles):
    """Checks that a model has a style.

    Args:
        style: str, name of a style; None or `none` for no style in particular.
        styles: names of the styles that the model was trained with.

    Raises:
        StyleError: if it does not.
    """
    if style is None or style == NO_STYLE or style in styles:
        return
    known = f"it knows {', '.join([*styles, NO_STYLE])}" if styles else "it was trained without styles"
    raise StyleError(f"the model has no style {style!r}: {known}")
