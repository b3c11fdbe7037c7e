"""Automated audio captioning for Keras and TensorFlow: describes sound files in sentences."""

import contextlib
import os
import platform
import sys
import warnings
from typing import TYPE_CHECKING

# tensorflow-hub imports pkg_resources. setup.cfg asks for a setuptools that has it, which warns of its removal.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")

# tf.keras, tensorflow-hub, transformers and keras-nlp share one Keras (tf_keras) only if this is set before TensorFlow
# is imported. Otherwise they create layers of two different Keras modules.
if os.environ.setdefault("TF_USE_LEGACY_KERAS", "1") not in ("1", "true", "True"):
    raise ImportError(
        f"aac_tf needs TF_USE_LEGACY_KERAS=1 in the environment; it is {os.environ['TF_USE_LEGACY_KERAS']}"
    )
# TensorFlow uses oneDNN by default only on processors with instructions for neural networks, such as AVX512_VNNI. On
# others, YAMNet takes up to twice as long without it.
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# TensorFlow logs about ten lines when it is imported. Its errors are raised as exceptions, too.
_QUIET = "TF_CPP_MIN_LOG_LEVEL" not in os.environ
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

if getattr(sys.modules.get("tensorflow"), "_tf_uses_legacy_keras", True) is not True:
    raise ImportError("import aac_tf before tensorflow, or set TF_USE_LEGACY_KERAS=1 in the environment")

__version__ = "0.1.0"
__all__ = ["Captioner"]

if TYPE_CHECKING:
    from aac_tf.inference.captioner import Captioner
else:

    def __getattr__(name):
        # Imported on first use, so that `import aac_tf` and `--help` do not wait for TensorFlow.
        if name == "Captioner":
            from aac_tf.utils.quiet import quiet_start

            with quiet_start() if _QUIET and "tensorflow" not in sys.modules else contextlib.nullcontext():
                from aac_tf.inference.captioner import Captioner

            return Captioner
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
