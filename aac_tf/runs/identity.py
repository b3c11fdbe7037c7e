"""Identifies what is computed from trained runs, to find it in the cache."""

import hashlib
import json
import os
import pathlib

import aac_tf
from aac_tf.embeddings.sources import PUBLISHED, choose_source
from aac_tf.runs.run import Run


def identity(runs, overrides, *options):
    """Identifies a result of runs: their files, the frozen networks, the options, and the versions that compute it.

    Args:
        runs: list of `Run`.
        overrides: list of str, config overrides for the runs.
        *options: further values that the result depends on, which JSON can write.

    Returns:
        str, 32 hexadecimal digits.
    """
    import tensorflow as tf

    devices = [device.device_type for device in tf.config.list_physical_devices()]
    versions = [aac_tf.__version__, *_states([pathlib.Path(aac_tf.__file__).parent], "*.py"), tf.__version__, devices]
    digest = hashlib.sha256(json.dumps([versions, list(overrides), options]).encode())
    for run in runs:
        names = (run.CONFIG, run.VOCABULARY, run.NORMALIZATION, run.NETWORK, run.CALIBRATION, run.WEIGHTS)
        for path in [*(run.folder / name for name in names), *sorted(pathlib.Path(run.best).glob("*"))]:
            if path.is_file():
                digest.update(f"{path.name} {path.stat().st_size}\n".encode())
                digest.update(path.read_bytes())
        digest.update(json.dumps(_network(run, overrides)).encode())
    return digest.hexdigest()[:32]


def _network(run: Run, overrides):
    """Where the weights of the frozen encoder come from: a name, or files with their sizes and times."""
    # Those of `decoding` need not fit all runs.
    embedding = run.config([override for override in overrides if override.startswith("embedding.")]).embedding
    published = PUBLISHED.get(embedding.kind)
    if published is None:
        return None
    source = choose_source(embedding.source, published.variable, published.name)
    return [source, *_states([pathlib.Path(source)])]


def _states(paths, pattern="*"):
    """Names, sizes and times of files, also of those in folders."""
    found = []
    for path in paths:
        files = sorted(path.rglob(pattern)) if path.is_dir() else [path] if path.is_file() else []
        for file in files:
            state = os.stat(file)
            found.append([str(file), state.st_size, state.st_mtime_ns])
    return found
