"""Run folders: the files of a training run, and the checks before it is resumed."""

from aac_tf.runs.errors import RunError
from aac_tf.runs.run import Run

__all__ = ["Run", "RunError"]
