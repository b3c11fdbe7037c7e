"""Exports of runs in the cache folder, for commands that need an exported model and are given a run."""

import hashlib
import pathlib

import tensorflow as tf

import aac_tf
from aac_tf.export.saved_model import export_saved_model
from aac_tf.inference.captioner import Captioner
from aac_tf.runs import Run
from aac_tf.runs.fetch import find_run
from aac_tf.utils.cache import cache_folder


def cached_export(run):
    """Exports a run as a SavedModel, unless this has been done before.

    Args:
        run: run folder, preset, `hf://USER/REPO` or `https://...` (see `find_run`).

    Returns:
        `pathlib.Path` of the model's folder, as from `export_saved_model`.

    Raises:
        RunError: if there is no such run, or it is not trained.
    """
    folder = Run(find_run(run))
    model = cache_folder() / "exports" / _identity(folder)
    if not (model.is_dir() and any(path.name.isdecimal() for path in model.iterdir())):
        export_saved_model(Captioner.load(folder.folder), model)
    return model


def _identity(run):
    """Identifies what is exported: the files of the run, and the versions that write the graph."""
    digest = hashlib.sha256(f"aac_tf {aac_tf.__version__}, TensorFlow {tf.__version__}\n".encode())
    named = [run.folder / name for name in (run.CONFIG, run.VOCABULARY, run.NORMALIZATION, run.WEIGHTS)]
    for path in [*named, *sorted(pathlib.Path(run.best).glob("*"))]:
        if path.is_file():
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:32]
