"""Finding the sounds that a caption names."""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterable, Sequence

from aac_tf.scenes.wording import WORDINGS, wording, words_of


def find_mentions(words: Sequence[str], categories: Iterable[str] = ()) -> list[tuple[int, int, str]]:
    """Finds the words of a caption that name sounds; the longest match wins, so "alarm clock" is no clock.

    Args:
        words: words of the caption, from `words_of`.
        categories: categories to look for in addition to those of the table.

    Returns:
        list of (index of the first word, index after the last word, category), in order.

    Example:
        >>> from aac_tf.scenes.mentions import find_mentions
        >>> find_mentions("an alarm clock beeps while rain falls".split())
        [(1, 3, 'alarm'), (3, 4, 'alarm'), (5, 6, 'rain')]
    """
    index, longest = _key_index(frozenset(categories))
    mentions, start = [], 0
    while start < len(words):
        for length in range(min(longest, len(words) - start), 0, -1):
            category = index.get(tuple(words[start : start + length]))
            if category is not None:
                mentions.append((start, start + length, category))
                start += length - 1
                break
        start += 1
    return mentions


@functools.lru_cache(maxsize=64)
def _key_index(categories: frozenset):
    # The given categories come first, so that an unknown label wins over a key of the table that is spelled the same.
    own, (table, longest) = _index(sorted(categories)), _table_index()
    return collections.ChainMap(own, table), max(longest, *map(len, own), 0)


@functools.cache
def _table_index():
    index = _index(sorted(WORDINGS))
    return index, max(map(len, index))


def _index(categories):
    return {tuple(words_of(key)): category for category in categories for key in wording(category).keys}
