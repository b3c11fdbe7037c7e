"""Whether a run may go on: its folder, its config and its data must be those that it was begun with."""

import hashlib
import json

import tensorflow as tf

from aac_tf.config import flatten
from aac_tf.runs.run import RunError

# What may differ when a run is resumed: how long, where the data lie, on what it is computed, and what is shown.
RESUMABLE = {
    "name",
    "data.root",
    "data.cache",
    "data.embedding_folder",
    "data.static_shapes",
    "embedding.source",
    "embedding.batch_windows",
    "training.epochs",
    "training.stop_patience",
    "training.strategy",
    "training.xla",
    "training.save_minutes",
    "training.samples",
}


def check_folder(config, run, resume):
    """Makes sure that a folder is free for a new run, or holds one that goes on with this config.

    Args:
        config: `Config`.
        run: `Run`.
        resume: bool, whether a run shall go on.

    Raises:
        RunError: if it is not.
    """
    begun = tf.train.latest_checkpoint(str(run.last)) is not None
    if not resume and (begun or run.trained):
        raise RunError(f"{run.folder} already holds a run: add --resume to go on with it, or name another with --run")
    if not resume:
        return
    if run.trained and not begun:
        raise RunError(f"{run.folder} has nothing to go on from: {run.last} is empty; name another folder with --run")
    before, now = flatten(run.config()), flatten(config)
    changed = [key for key in now if now[key] != before[key] and key not in RESUMABLE]
    if changed:
        key = changed[0]
        raise RunError(
            f"{run.folder} was begun with {key}={before[key]}, now it is {now[key]}"
            + (f" (and {len(changed) - 1} more keys differ)" if changed[1:] else "")
            + ": resume with the run's own config, or train into another folder with --run"
        )


def summarize(split):
    """What a run remembers of a split, a dict, to notice that it has changed; None of no split."""
    if split is None:
        return None
    content = [
        [clip.name, list(clip.captions), int(frames)] for clip, frames in zip(split.clips, split.features.lengths)
    ]
    return {"clips": len(content), "sha256": hashlib.sha256(json.dumps(content).encode()).hexdigest()}


def check_data(run, data):
    """Makes sure that a run goes on with the data that it was begun with.

    Args:
        run: `Run`.
        data: dict of the name of a split to its `summarize`.

    Raises:
        RunError: if it would not.
    """
    for name, before in run.data().items():
        if data[name] != before:
            before, now = (0 if found is None else found["clips"] for found in (before, data[name]))
            what = f"{before} clips, now {now}" if before != now else f"{before} clips with other captions or lengths"
            raise RunError(
                f"{run.folder} was begun with other {name} data: {what}; bring the data back, or train into another "
                "folder with --run"
            )
