"""Automated audio captioning for Keras and TensorFlow: a sound file in, a sentence out."""

import os

# tf.keras, tensorflow-hub, transformers and keras-nlp share one Keras (tf_keras) only if this is set before TensorFlow
# is imported; without it they build layers of two different Keras modules.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

__version__ = "0.1.0"
__all__ = ["Captioner"]


def __getattr__(name):
    # Loaded on first use, so that `import aac_tf` (and every --help) does not wait for TensorFlow.
    if name == "Captioner":
        from aac_tf.inference import Captioner

        return Captioner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
