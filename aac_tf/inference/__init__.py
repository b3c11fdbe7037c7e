"""Inference: captions and their attention from a trained model."""

from typing import TYPE_CHECKING

from aac_tf.utils.lazy import import_on_use

# Type checkers, editors and the API reference read the imports and `__all__`.
if TYPE_CHECKING:
    from aac_tf.inference.caption import Alternative, Caption, Word
    from aac_tf.inference.captioner import Captioner
    from aac_tf.inference.confidence import NamedSound
    from aac_tf.inference.ensemble import EnsembleError
    from aac_tf.inference.heard import HeardSound
    from aac_tf.inference.listener import Listener, Update
    from aac_tf.inference.sounds import Sound
    from aac_tf.inference.timeline import Segment, TimelineError
else:
    # Imported on first use: a stored captioner needs no Keras layers.
    __getattr__ = import_on_use(
        __name__,
        {
            "Alternative": "caption",
            "Caption": "caption",
            "Captioner": "captioner",
            "EnsembleError": "ensemble",
            "HeardSound": "heard",
            "Listener": "listener",
            "NamedSound": "confidence",
            "Segment": "timeline",
            "Sound": "sounds",
            "TimelineError": "timeline",
            "Update": "listener",
            "Word": "caption",
        },
    )

__all__ = [
    "Alternative",
    "Caption",
    "Captioner",
    "EnsembleError",
    "HeardSound",
    "Listener",
    "NamedSound",
    "Segment",
    "Sound",
    "TimelineError",
    "Update",
    "Word",
]
