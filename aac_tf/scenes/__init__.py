"""Scenes composed from labelled sounds: their sounds, their composition, their captions and scores against events."""

from typing import TYPE_CHECKING

from aac_tf.utils.lazy import import_on_use

# Type checkers, editors and the API reference read the imports and `__all__`.
if TYPE_CHECKING:
    from aac_tf.scenes.dataset import Scenes
    from aac_tf.scenes.events import Event, Scene
else:
    # Imported on first use: the confidence of a caption needs the table of sounds, not the composer.
    __getattr__ = import_on_use(__name__, {"Event": "events", "Scene": "events", "Scenes": "dataset"})

__all__ = ["Event", "Scene", "Scenes"]
