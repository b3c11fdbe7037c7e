"""The order in which a caption says that sounds occur."""

from __future__ import annotations

from collections.abc import Iterable

from aac_tf.scenes.mentions import find_mentions
from aac_tf.scenes.wording import words_of

_THEN = {"then", "later", "next", "afterwards", "afterward", "subsequently", "finally"}
_TOGETHER = {"and", "while", "as", "with", "over", "during", "when", "meanwhile", "behind", "alongside"}


def named_order(caption: str, categories: Iterable[str] = ()) -> list[set[str]]:
    """Finds the order in which a caption says that sounds occur.

    Understands "a then b", "a and then b", "a followed by b", "a before b", "b after a", "a preceded by b", "after a,
    b" and "before b, a", and chains of them, in which "then" follows everything before it and the others relate two
    neighbours. Sounds linked in any other way ("a while b", "a as b", "a with b in the background", "a over b", "a and
    b") occur at once.

    Args:
        caption: the caption.
        categories: categories to look for in addition to those of the table.

    Returns:
        list of sets of categories, in temporal order; the sounds of a set occur at once.

    Example:
        >>> from aac_tf.scenes.caption_order import named_order
        >>> named_order("a siren wails after a dog barks")
        [{'dog bark'}, {'siren'}]
    """
    words = words_of(caption)
    mentions = find_mentions(words, categories)
    order: list[set[str]] = []
    here: set[str] = set()  # the group of the sound mentioned last
    opening = None
    for index, (start, _, category) in enumerate(mentions):
        between = words[mentions[index - 1][1] if index else 0 : start]
        link = _link(between)
        if not order:
            opening = link if link in ("after", "before") else None
            here = {category}
            order.append(here)
            continue
        if link is None and category in here:
            continue  # "dog" and "barks" are one sound
        if link is None and opening:  # "after a, b": the main clause
            link, opening = ("then" if opening == "after" else "first"), None
        position = next(place for place, group in enumerate(order) if group is here)
        if link in (None, "together"):
            here.add(category)
            continue
        here = {category}
        order.insert({"then": len(order), "first": 0, "before": position + 1, "after": position}[link], here)
    return order


def _link(between):
    """How words link the sounds around them: "then", "before" (a before b), "after" (a after b), "together" or None."""
    words = set(between)
    for index, word in enumerate(between):
        following = between[index + 1] if index + 1 < len(between) else ""
        if word in _THEN or (word == "after" and following in ("that", "this", "which")):
            return "then"
        if word in ("followed", "before", "preceding"):
            return "before"
        if word in ("after", "following", "preceded"):
            return "after"
    return "together" if words & _TOGETHER else None
