"""Exports of runs in the cache folder, for commands that need an exported model and are given a run."""

import os

from aac_tf.export.saved_model import export_saved_model
from aac_tf.inference.captioner import Captioner
from aac_tf.runs import Run
from aac_tf.runs.fetch import open_run
from aac_tf.runs.identity import identity
from aac_tf.utils.cache import cache_folder

_FORMAT = 2  # of exports; models of 1 did not caption over time


def cached_export(run, overrides=(), beam_size=None, rerank=None):
    """Exports a run as a SavedModel, unless this has been done before.

    Args:
        run: run folder, preset, `hf://USER/REPO` or `https://...` (see `find_run`), or a list of them.
        overrides: see `Captioner.load`.
        beam_size: see `Captioner.caption`.
        rerank: see `Captioner.load`.

    Returns:
        `pathlib.Path` of the model's folder, as from `export_saved_model`.

    Raises:
        RunError: if there is no such run, or it is not trained.
    """
    names = [run] if isinstance(run, (str, os.PathLike, Run)) else run
    runs = [open_run(name) for name in names]
    second = None if rerank is None else open_run(rerank)
    key = identity([*runs, *([second] if second else [])], overrides, "export", _FORMAT, beam_size, len(runs))
    model = cache_folder() / "exports" / key
    if not (model.is_dir() and any(path.name.isdecimal() for path in model.iterdir())):
        captioner = Captioner.load(runs, overrides, second)
        export_saved_model(captioner, model, beam_size)
    return model
