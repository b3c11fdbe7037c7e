"""Exports of runs in the cache folder, for commands that need an exported model and are given a run."""

from aac_tf.export.saved_model import export_saved_model
from aac_tf.inference.captioner import Captioner
from aac_tf.runs.identity import identity
from aac_tf.utils.cache import cache_folder

_FORMAT = 2  # of exports; models of 1 did not caption over time


def cached_export(runs, overrides=(), beam_size=None, rerank=None):
    """Exports runs as a SavedModel, unless this has been done before.

    Args:
        runs: list of `Run`, several for an ensemble.
        overrides: see `Captioner.load`.
        beam_size: see `Captioner.caption`.
        rerank: `Run` that helps to rank captions, or None.

    Returns:
        `pathlib.Path` of the model's folder, as from `export_saved_model`.

    Raises:
        RunError: if a run is not trained.
    """
    others = [] if rerank is None else [rerank]
    key = identity([*runs, *others], overrides, "export", _FORMAT, beam_size, len(runs))
    model = cache_folder() / "exports" / key
    if not (model.is_dir() and any(path.name.isdecimal() for path in model.iterdir())):
        export_saved_model(Captioner.load(runs, overrides, rerank), model, beam_size)
    return model
