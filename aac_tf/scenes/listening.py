"""Does a captioner listen where the sound is? Its attention against the true times of a scene's events."""

import numpy as np

from aac_tf.scenes.language import find_mentions

# One segment of the frozen networks; the same for all models, so that they can be compared.
TOLERANCE = 0.48


def score_listening(captions, scenes, tolerance=TOLERANCE):
    """Compares where words were heard with where their events are.

    For every category that a caption names and its scene holds in the foreground, the attention of the words that name
    it is averaged; what lies in the background lasts as long as the scene and cannot be missed. A step of the encoder
    stands for the time between two of `Caption.step_edges`.

    Args:
        captions: {file name: `Caption`}.
        scenes: {file name: `Scene`}, as `aac_tf.scenes.composer.read_scenes` gives them.
        tolerance: seconds that an event is taken to be longer at both ends.

    Returns:
        Corpus scores and the same per item, {file name: scores}, None where a caption names no event of its scene:
        `attention_inside`, the share of the attention that lies inside the event; `uniform_inside`, the share that an
        even attention would have there; `attention_hits`, how often the step with the most attention is centred inside
        (the pointing game, Zhang et al., Top-down Neural Attention by Excitation Backprop, ECCV 2016); `uniform_hits`,
        how often a step drawn at random would be. The corpus' are means over all named events.

    Raises:
        ValueError: if a caption has no scene.
    """
    unknown = sorted(set(captions) - set(scenes))
    if unknown:
        raise ValueError(f"{len(unknown)} captions have no scene: {unknown[:3]}")
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
    """Shares and hits of one event; a category that sounds several times may be heard at any of them."""
    widths = np.maximum(np.diff(edges), 1e-9)
    inside = np.zeros(len(weights))
    for onset, offset in times:
        inside += np.clip(np.minimum(edges[1:], offset) - np.maximum(edges[:-1], onset), 0, None)
    inside = np.minimum(inside / widths, 1)
    centers = (edges[1:] + edges[:-1]) / 2
    hit = np.any([(onset <= centers) & (centers <= offset) for onset, offset in times], axis=0)
    return float(weights @ inside), float(inside.mean()), float(hit[np.argmax(weights)]), float(hit.mean())
