"""Exports of runs in the cache folder, for commands that need an exported model and are given a run."""

import hashlib
import json
import os
import pathlib

import tensorflow as tf

import aac_tf
from aac_tf.export.saved_model import export_saved_model
from aac_tf.inference.captioner import Captioner
from aac_tf.runs import Run
from aac_tf.runs.fetch import find_run
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
    names = [run] if isinstance(run, (str, os.PathLike)) else run
    runs = [Run(find_run(name)) for name in names]
    second = None if rerank is None else Run(find_run(rerank))
    options = [*overrides, f"beam_size={beam_size}", f"{len(runs)} runs"]
    model = cache_folder() / "exports" / _identity([*runs, *([second] if second else [])], options)
    if not (model.is_dir() and any(path.name.isdecimal() for path in model.iterdir())):
        captioner = Captioner.load([run.folder for run in runs], overrides, second and second.folder)
        export_saved_model(captioner, model, beam_size)
    return model


def _identity(runs, options):
    """Identifies what is exported: the files of the runs, the options, and the versions that write the graph."""
    digest = hashlib.sha256(f"aac_tf {aac_tf.__version__}, TensorFlow {tf.__version__}, {_FORMAT}\n".encode())
    digest.update(json.dumps(options).encode())
    for run in runs:
        named = [run.folder / name for name in (run.CONFIG, run.VOCABULARY, run.NORMALIZATION, run.WEIGHTS)]
        for path in [*named, *sorted(pathlib.Path(run.best).glob("*"))]:
            if path.is_file():
                digest.update(f"{path.name} {path.stat().st_size}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:32]
