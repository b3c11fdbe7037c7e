"""Inference: captions and their attention from a trained model."""

from aac_tf.inference.caption import Alternative, Caption, Word
from aac_tf.inference.captioner import Captioner
from aac_tf.inference.confidence import NamedSound
from aac_tf.inference.ensemble import EnsembleError
from aac_tf.inference.listener import Listener, Update
from aac_tf.inference.sounds import Sound
from aac_tf.inference.timeline import Segment, TimelineError

__all__ = [
    "Alternative",
    "Caption",
    "Captioner",
    "EnsembleError",
    "Listener",
    "NamedSound",
    "Segment",
    "Sound",
    "TimelineError",
    "Update",
    "Word",
]
