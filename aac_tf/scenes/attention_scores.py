"""Scores of a captioner's attention against the times of events: does it attend to the sound that a word names?"""

from __future__ import annotations

import typing
from collections.abc import Mapping

import numpy as np

from aac_tf.scenes.events import Scene
from aac_tf.scenes.mentions import find_mentions
from aac_tf.utils.counting import counted

# Half a window of the frozen encoders; the same for all models, so that their scores are comparable.
TOLERANCE = 0.48


def score_attention(
    captions: Mapping[str, typing.Any], scenes: Mapping[str, Scene], tolerance: float = TOLERANCE
) -> tuple[dict[str, float | None], dict[str, dict[str, float | None]]]:
    """Scores the attention of captions' words against the times of the events that they name.

    For each category that a caption names and its scene has in the foreground, the attention is averaged over the words
    that name it. (A background lasts as long as the scene, so any attention lies on it.) Step i of the encoder stands
    for the time between `step_edges[i]` and `step_edges[i + 1]` of the `Caption`.

    Args:
        captions: {file name: `aac_tf.inference.Caption`}.
        scenes: {file name: scene}, as from `Dataset.events`.
        tolerance: seconds by which events are extended at both ends.

    Returns:
        (corpus scores, {file name: scores of one caption}), with None where a caption names no event of its scene:

        * `attention_inside`, the share of the attention that lies inside the event;
        * `uniform_inside`, the same for uniform attention;
        * `attention_hits`, how often the centre of the step with the largest weight lies inside the event, which is
          the accuracy of the pointing game;
        * `uniform_hits`, the same for a random step.

        The corpus scores are means over all named events, whose number is `named_events`.

    Raises:
        ValueError: if a caption has no scene.

    Reference:
        Zhang et al., Top-down Neural Attention by Excitation Backprop, ECCV 2016 (the pointing game).
    """
    unknown = sorted(set(captions) - set(scenes))
    if unknown:
        raise ValueError(f"{counted(len(unknown), 'caption')} without scene: {unknown[:3]}")
    rows = {name: _score_caption(caption, scenes[name], tolerance) for name, caption in captions.items()}
    names = ("attention_inside", "uniform_inside", "attention_hits", "uniform_hits")
    found = [row for item in rows.values() for row in item]
    corpus = dict(zip(names, np.mean(found, axis=0).tolist() if found else [None] * len(names)))
    per_item = {
        name: dict(zip(names, np.mean(item, axis=0).tolist() if item else [None] * len(names)))
        for name, item in rows.items()
    }
    return {**corpus, "named_events": len(found)}, per_item


def _score_caption(caption, scene, tolerance):
    events = {}
    for event in scene.events:
        if event.role == "foreground":
            events.setdefault(event.category, []).append((event.onset - tolerance, event.offset + tolerance))
    weights = {}
    for first, end, category in find_mentions([word.text for word in caption.words], frozenset(events)):
        if category in events:
            weights.setdefault(category, []).extend(word.weights for word in caption.words[first:end])
    return [_score_event(np.mean(weights[name], axis=0), caption.step_edges, events[name]) for name in weights]


def _score_event(weights, edges, times):
    """The four scores of a category, whose sound may occur at several times."""
    widths = np.maximum(np.diff(edges), 1e-9)
    inside = np.zeros(len(weights))
    for onset, offset in times:
        inside += np.clip(np.minimum(edges[1:], offset) - np.maximum(edges[:-1], onset), 0, None)
    inside = np.minimum(inside / widths, 1)
    centers = (edges[1:] + edges[:-1]) / 2
    hit = np.any([(onset <= centers) & (centers <= offset) for onset, offset in times], axis=0)
    return float(weights @ inside), float(inside.mean()), float(hit[np.argmax(weights)]), float(hit.mean())
