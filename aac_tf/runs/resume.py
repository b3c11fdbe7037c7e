"""Checks that a run can be resumed: its folder, config and data must be those that it was started with."""

import hashlib
import json

from aac_tf.config import flatten
from aac_tf.config.loading import walk
from aac_tf.runs.errors import RunError
from aac_tf.runs.mirror import LAST
from aac_tf.utils.counting import counted


def check_folder(config, run, resume):
    """Checks that a folder is free for a new run, or holds a run that can be resumed with a config.

    Args:
        config: `Config`.
        run: `Run`.
        resume: bool, whether to resume a run.

    Raises:
        RunError: if it is not.
    """
    if not resume and (run.started or run.trained):
        raise RunError(
            f"{run.name} already holds a run: continue it with --resume, or choose another folder with --run"
        )
    if not resume:
        return
    if run.trained and not run.started:
        raise RunError(f"{run.name} cannot be resumed: {run.shown(LAST)} is empty; choose another folder with --run")
    before, now = flatten(run.stored_config()), flatten(config)
    resumable = {name for name, _, info in walk(config) if info.get("resumable")}
    changed = [key for key in now if now[key] != before.get(key) and key not in resumable]
    if changed:
        key = changed[0]
        raise RunError(
            f"{run.name} was started with {key}={before.get(key)}, not {now[key]}"
            + (f" (and {len(changed) - 1} more keys differ)" if changed[1:] else "")
            + ": resume with the run's own config, or choose another folder with --run"
        )


def summarize(split):
    """Summarizes a `Split` as a dict that changes if its data changes; None for no split."""
    if split is None:
        return None
    content = [
        # Without a style as earlier versions summarized it.
        [clip.name, list(clip.captions), int(frames), *filter(None, [clip.style])]
        for clip, frames in zip(split.clips, split.features.lengths)
    ]
    return {"clips": len(content), "sha256": hashlib.sha256(json.dumps(content).encode()).hexdigest()}


def check_data(run, data):
    """Checks that the data are those that a run was started with.

    Args:
        run: `Run`.
        data: dict of split name to the result of `summarize`.

    Raises:
        RunError: if they are not.
    """
    for name, before in run.data().items():
        if data[name] != before:
            before, now = (0 if split is None else split["clips"] for split in (before, data[name]))
            change = f", now {now:,}" if before != now else " with other captions or lengths"
            raise RunError(
                f"{run.name} was started with other {name} data: {counted(before, 'clip')}{change}; "
                "restore them, or choose another folder with --run"
            )
