"""Scores of captions against what really happens in a scene: are the sounds named, and in the right order?"""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Set, Tuple

from aac_tf.scenes.composer import Scene
from aac_tf.scenes.language import find_mentions, words_of

_THEN = {"then", "later", "next", "afterwards", "afterward", "subsequently", "finally"}
_TOGETHER = {"and", "while", "as", "with", "over", "during", "when", "meanwhile", "behind", "alongside"}


def score_scenes(
    predictions: Mapping[str, str], scenes: Mapping[str, Scene]
) -> Tuple[Dict[str, float], Dict[str, Dict[str, Optional[float]]]]:
    """Compares captions with the events of their scenes.

    Event precision, recall and F1 count, over all scenes, the categories that the captions name and the scenes hold. A
    category is named if one of its key words (`aac_tf.scenes.language`) is in the caption. Order accuracy is the
    share of pairs of foreground events, one of which ends before the other begins, that the caption names in this
    order; a pair of which it leaves one out is wrong.

    Args:
        predictions: {file name: caption}.
        scenes: {file name: scene}, as `aac_tf.scenes.composer.read_scenes` gives them.

    Returns:
        Corpus scores {"event_precision", "event_recall", "event_f1", "order_accuracy"} and the same per item, {file
        name: scores}. The order accuracy is None where there is no pair in sequence.

    Raises:
        ValueError: if predictions and scenes do not have the same file names.
    """
    missing, unknown = sorted(set(scenes) - set(predictions)), sorted(set(predictions) - set(scenes))
    if missing or unknown:
        raise ValueError(
            f"every scene needs one caption: {len(missing)} scenes have none {missing[:3]}, "
            f"{len(unknown)} captions have no scene {unknown[:3]}"
        )
    categories = frozenset(event.category for scene in scenes.values() for event in scene.events)
    totals, per_item = [0] * 5, {}
    for name, scene in scenes.items():
        counts = _count(predictions[name], scene, categories)
        totals = [total + count for total, count in zip(totals, counts)]
        per_item[name] = _scores(*counts)
    return _scores(*totals), per_item


def named_order(caption: str, categories=()) -> List[Set[str]]:
    """The categories that a caption names, as sets in the order in which it says they sound; one set sounds at once.

    Understands "a then b", "a and then b", "a followed by b", "a before b", "b after a", "after a, b", "before b, a",
    and chains of them: "then" goes on after all that was said before, the others speak of their neighbours. What is
    joined in any other way ("a while b", "a as b", "a with b in the background", "a over b", "a and b") is at once.

    Args:
        caption: the caption.
        categories: categories that may be named beside those of the caption table.
    """
    words = words_of(caption)
    mentions = find_mentions(words, categories)
    order: List[Set[str]] = []
    here: Set[str] = set()  # the set of the sound mentioned last
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
            continue  # "dog" and "barks" are one mention
        if link is None and opening:  # "after a, b": the clause that the opening word asks for
            link, opening = ("then" if opening == "after" else "first"), None
        position = next(place for place, group in enumerate(order) if group is here)
        if link in (None, "together"):
            here.add(category)
            continue
        here = {category}
        order.insert({"then": len(order), "first": 0, "before": position + 1, "after": position}[link], here)
    return order


def _link(between):
    """How the words between two mentions join them: "then", "before" (a before b), "after" (a after b), "together"."""
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


def _count(caption, scene, categories):
    order = named_order(caption, categories)
    # A sound named twice is where it is named first.
    place = {category: index for index, group in reversed(list(enumerate(order))) for category in group}
    true = {event.category for event in scene.events}
    front = [event for event in scene.events if event.role == "foreground"]
    pairs = [(a.category, b.category) for a in front for b in front if a is not b and a.offset <= b.onset]
    right = sum(a in place and b in place and place[a] < place[b] for a, b in pairs)
    return len(true & set(place)), len(place), len(true), right, len(pairs)


def _scores(hits, named, true, right, pairs):
    return {
        "event_precision": hits / named if named else 0.0,
        "event_recall": hits / true if true else 0.0,
        "event_f1": 2 * hits / (named + true) if named + true else 0.0,
        "order_accuracy": right / pairs if pairs else None,
    }
