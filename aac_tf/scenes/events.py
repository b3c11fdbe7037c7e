"""Which sounds occur in a clip, and when."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Event:
    """A sound in a scene.

    Args:
        category: what sounds, such as "dog bark".
        onset: when it begins, seconds from the start of the scene.
        offset: when it ends, seconds.
        role: "foreground" or "background".
        level: RMS level of its loud parts, dB relative to full scale.
        drawn: AudioSet class of the embeddings to draw in place of the sound, if it only stands in for its category
            (see `aac_tf.data.drawn_embeddings`); empty otherwise.
    """

    category: str
    onset: float
    offset: float
    role: str
    level: float
    drawn: str = ""


@dataclasses.dataclass(frozen=True)
class Scene:
    """The events of a sound file.

    Args:
        file_name: name of the file.
        seconds: its duration.
        events: its events in order of onset.
    """

    file_name: str
    seconds: float
    events: tuple[Event, ...]
