"""Scenes composed from labelled sounds: their sounds, their composition, their captions and scores against events."""

from aac_tf.scenes.dataset import Scenes
from aac_tf.scenes.events import Event, Scene

__all__ = ["Event", "Scene", "Scenes"]
