"""Scores of captions against the events of their scenes: are the sounds named, and in the right order?"""

from __future__ import annotations

from collections.abc import Mapping

from aac_tf.scenes.caption_order import named_order
from aac_tf.scenes.events import Scene
from aac_tf.utils.counting import counted


def score_scenes(
    predictions: Mapping[str, str], scenes: Mapping[str, Scene]
) -> tuple[dict[str, float | None], dict[str, dict[str, float | None]]]:
    """Scores captions against the events of their scenes.

    Event precision, recall and F1 compare the categories that the captions name with those that the scenes hold, both
    counted over all scenes. A caption names a category if it contains one of its key words
    (`aac_tf.scenes.wording`). Order accuracy is computed over the pairs of foreground events in which one ends before
    the other begins: the share of them that the caption names in the right order. A pair that it does not name
    completely counts as wrong.

    Args:
        predictions: {file name: caption}.
        scenes: {file name: scene}, as from `Dataset.events`.

    Returns:
        ({"event_precision", "event_recall", "event_f1", "order_accuracy": corpus score}, {file name: the same of one
        caption}). The order accuracy is None if there is no pair in sequence.

    Raises:
        ValueError: if predictions and scenes do not have the same file names.

    Example:
        >>> from aac_tf.scenes.event_scores import score_scenes
        >>> from aac_tf.scenes.events import Event, Scene
        >>> dog, bell = Event("dog bark", 1, 2, "foreground", -20), Event("bell", 3, 5, "foreground", -20)
        >>> corpus, _ = score_scenes({"1.wav": "a dog barks"}, {"1.wav": Scene("1.wav", 9.0, (dog, bell))})
        >>> corpus["event_precision"], corpus["event_recall"], corpus["order_accuracy"]
        (1.0, 0.5, 0.0)
    """
    missing, unknown = sorted(set(scenes) - set(predictions)), sorted(set(predictions) - set(scenes))
    if missing or unknown:
        raise ValueError(
            f"each scene needs a caption: {counted(len(missing), 'scene')} without caption {missing[:3]}, "
            f"{counted(len(unknown), 'caption')} without scene {unknown[:3]}"
        )
    categories = frozenset(event.category for scene in scenes.values() for event in scene.events)
    totals, per_item = [0] * 5, {}
    for name, scene in scenes.items():
        counts = _count(predictions[name], scene, categories)
        totals = [total + count for total, count in zip(totals, counts)]
        per_item[name] = _scores(*counts)
    return _scores(*totals), per_item


def _count(caption, scene, categories):
    order = named_order(caption, categories)
    # Of a sound that is named twice, the first place counts.
    place = {category: index for index, group in reversed(list(enumerate(order))) for category in group}
    true = {event.category for event in scene.events}
    foreground = [event for event in scene.events if event.role == "foreground"]
    pairs = [(a.category, b.category) for a in foreground for b in foreground if a is not b and a.offset <= b.onset]
    right = sum(a in place and b in place and place[a] < place[b] for a, b in pairs)
    return len(true & set(place)), len(place), len(true), right, len(pairs)


def _scores(hits, named, true, right, pairs):
    return {
        "event_precision": hits / named if named else 0.0,
        "event_recall": hits / true if true else 0.0,
        "event_f1": 2 * hits / (named + true) if named + true else 0.0,
        "order_accuracy": right / pairs if pairs else None,
    }
