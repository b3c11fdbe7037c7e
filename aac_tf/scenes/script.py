"""What a caption says about the sounds of its clip, in a form from which a scene can be composed."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class ScriptedSound:
    """A sound of a script.

    The steps of a script follow each other in time: in "a dog barks and then a bell tolls while rain falls", the bark
    is step 0, the bell is step 1, and the rain lasts from step 0 to step 1.

    Args:
        category: what sounds, a category of the table `sounds.yaml`.
        first: step in which it begins.
        last: step in which it ends.
        background: whether it is said to be in the background.
        distant: whether it is said to be far away.
        level: "soft", "normal" or "loud".
        motion: "none", "approaching", "receding" or "passing".
        times: number of times that it is heard; 0 if the caption says "several times" or "repeatedly", None if it
            does not say.
        continuous: whether it is said to last for the whole of its steps ("continuously", "throughout").
        brief: whether it is said to be short ("briefly").
        medium: what it is heard through: "air", "wall" if it is muffled or in another room, or "loudspeaker" if it
            comes from one, a radio or a telephone.
        echo: whether it is said to echo.
    """

    category: str
    first: int = 0
    last: int = 0
    background: bool = False
    distant: bool = False
    level: str = "normal"
    motion: str = "none"
    times: int | None = None
    continuous: bool = False
    brief: bool = False
    medium: str = "air"
    echo: bool = False


@dataclasses.dataclass(frozen=True)
class Script:
    """A caption and the sounds it describes.

    Args:
        caption: the caption.
        sounds: what it names, in the order in which the caption does.
        clip: name of the clip that the caption was written for; captions of one clip never end up in two splits.
        style: way of speaking of the caption, as of a `Clip`; empty for none.
    """

    caption: str
    sounds: tuple[ScriptedSound, ...]
    clip: str = ""
    style: str = ""

    @property
    def steps(self) -> int:
        """Number of steps that follow each other in time."""
        return 1 + max(sound.last for sound in self.sounds)
