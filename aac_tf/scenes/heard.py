"""Leaving out clips whose captions name sounds that are not in the sound file."""

from __future__ import annotations

from collections.abc import Mapping

from aac_tf.datasets import ClipList, DatasetError
from aac_tf.scenes.events import Scene


def heard_clips(clips: ClipList, events: Mapping[str, Scene] | None) -> ClipList:
    """Leaves out the clips with sounds that only stand in for others, since their captions name sounds that are absent.

    Training draws the embeddings of such sounds (`aac_tf.data.drawn_embeddings`), but evaluation captions the sound
    files as they are. Composed scenes have such sounds in the training split only, a part of which may be held out for
    validation.

    Args:
        clips: clips of a split.
        events: {name of a clip: `Scene`}, as from `Dataset.events`; None if none are known.

    Returns:
        The others; the rest is in `left_out`.

    Raises:
        DatasetError: if no clip is left.

    Example:
        >>> from aac_tf.datasets import Clip, ClipList
        >>> from aac_tf.scenes import Event, Scene
        >>> from aac_tf.scenes.heard import heard_clips
        >>> clips = ClipList([Clip(name, name, ["a bell"]) for name in ("1.wav", "2.wav")])
        >>> bell = Event("bell", 0, 1, "foreground", -20, drawn="Bell")
        >>> [clip.name for clip in heard_clips(clips, {"1.wav": Scene("1.wav", 2.0, (bell,))})]
        ['2.wav']
    """
    drawn = {name: event.drawn for name, scene in (events or {}).items() for event in scene.events if event.drawn}
    if not any(clip.name in drawn for clip in clips):
        return clips
    kept = [clip for clip in clips if clip.name not in drawn]
    left_out = [
        (clip.name, f"has a sound that stands in for {drawn[clip.name]}, whose embeddings are drawn in training alone")
        for clip in clips
        if clip.name in drawn
    ]
    if not kept:
        raise DatasetError(
            f"no clip can be heard as its captions say; the first, {left_out[0][0]}, {left_out[0][1]}: compose "
            "validation scenes (scenes.validation), or more scenes of sounds with recordings"
        )
    return ClipList(kept, [*clips.left_out, *left_out])
