"""The standard form of captions before they are split into words, and the words in it."""

import collections

import tensorflow as tf


def standardize(captions):
    """Converts captions to lower case and removes their punctuation.

    Slashes, bars, dashes and ellipses separate words; other punctuation inside a word, such as a hyphen, does not.

    Args:
        captions: string tensor of any shape.

    Returns:
        string tensor of the same shape, with words separated by single spaces.

    Example:
        >>> from aac_tf.text import standardize
        >>> standardize("It's  raining -- LOUDLY!").numpy()
        b'its raining loudly'
        >>> standardize("rain and/or a dog—far away").numpy()
        b'rain and or a dog far away'
    """
    captions = tf.strings.lower(captions, encoding="utf-8")
    captions = tf.strings.regex_replace(captions, r"[/\\|\x{2012}-\x{2015}\x{2026}]|--+|\.\.+", " ")
    captions = tf.strings.regex_replace(captions, r"[^\pL\pM\pN\pZ\s_]", "")
    return tf.strings.strip(tf.strings.regex_replace(captions, r"[\pZ\s]+", " "))


def count_words(captions):
    """Counts the words of captions.

    Args:
        captions: iterable of str.

    Returns:
        `collections.Counter` of words, as a `WordTokenizer` reads them.
    """
    texts = standardize(tf.constant(list(captions), tf.string)).numpy()
    return collections.Counter(word for text in texts for word in text.decode().split())
