"""Run folders: what a training leaves behind, and what it needs to continue."""

from aac_tf.runs.run import Run, RunError

__all__ = ["Run", "RunError"]
