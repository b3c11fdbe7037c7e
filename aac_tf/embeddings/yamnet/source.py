"""Where YAMNet comes from, and the cache that keeps it as a SavedModel of one window."""

from __future__ import annotations

import hashlib
import json
import logging
import pathlib
import re
import shutil
import uuid
from typing import NamedTuple

import tensorflow_hub as hub

from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.embeddings.sources import choose_source
from aac_tf.embeddings.yamnet.check import check_known_sounds
from aac_tf.embeddings.yamnet.network import build_network, save_network
from aac_tf.embeddings.yamnet.weights import read_weights
from aac_tf.utils.cache import cache_folder

logger = logging.getLogger(__name__)

HANDLE = "https://tfhub.dev/google/yamnet/1"
VARIABLE = "AAC_TF_YAMNET"
_MANIFEST = "aac_tf_yamnet.json"
_FORMAT = 1  # of the cached folder: raise it when what `save_network` writes changes
_ADVICE = (
    "download the TensorFlow 2 model from https://www.kaggle.com/models/google/yamnet and unpack it, or the weights "
    "from https://storage.googleapis.com/audioset/yamnet.h5, and name that folder or file in embedding.source or in "
    f"the environment variable {VARIABLE}"
)


class CachedNetwork(NamedTuple):
    """The folder of the SavedModel, and the SHA-256 of the weights it was made from."""

    folder: str
    checksum: str


def cached_network(source=None, self_test=True):
    """Finds YAMNet in the cache, or puts it there.

    The cache is `$AAC_TF_CACHE/yamnet`, or `~/.cache/aac_tf/yamnet`, with one folder for each source.

    Args:
        source: path of the weights (see `read_weights`), a TF-Hub or Kaggle handle, or a folder of the cache; None
            takes $AAC_TF_YAMNET, or else the TF-Hub handle.
        self_test: whether the network must first hear some known sounds right (see `check_known_sounds`).

    Returns:
        `CachedNetwork`.

    Raises:
        EmbeddingError: the source cannot be reached, is damaged or is not YAMNet, or the cache cannot be written.
    """
    path = resolve_source(source)
    if (path / _MANIFEST).is_file():
        return _open(path, self_test)
    checksum = _checksum([path] if path.is_file() else sorted((path / "variables").glob("variables.*")))
    folder = cache_folder() / "yamnet" / f"{checksum}-{_FORMAT}"
    if folder.is_dir():
        try:
            return _open(folder, self_test)
        except EmbeddingError as error:
            logger.warning("%s; making it again", error)
    try:
        _make(path, folder, checksum, self_test)
    except OSError as error:
        raise EmbeddingError(f"cannot write {folder}: {error}; set AAC_TF_CACHE to a folder that can be") from error
    return _open(folder, self_test)


def resolve_source(source=None):
    """The local path of a source, downloaded if it is a handle; arguments and errors as `cached_network`."""
    source = choose_source(source, VARIABLE, HANDLE)
    path = pathlib.Path(source)
    if re.fullmatch(r"google/yamnet(/\w+)+", source) and not path.exists():
        source = f"https://www.kaggle.com/models/{source}"
    if "://" in source:
        try:
            path = pathlib.Path(hub.resolve(source))
        except Exception as error:  # whatever the ways of downloading raise
            raise EmbeddingError(f"YAMNet cannot be fetched from {source}: {error}; {_ADVICE}") from error
    if not path.exists():
        raise EmbeddingError(f"YAMNet is not there: no file or folder {path}; {_ADVICE}")
    return path


def _make(path, folder, checksum, self_test):
    network = build_network(read_weights(path))
    if self_test:
        check_known_sounds(network, path)
    # Made aside and renamed, so that a killed program or two at once leave a whole folder or none.
    aside = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
    aside.mkdir(parents=True)
    try:
        save_network(network, aside)
        files = _files(aside)
        manifest = {"source": checksum, "files": _checksum(files), "self_test": self_test}
        (aside / _MANIFEST).write_text(json.dumps(manifest, indent=2))
        if folder.exists():
            folder.rename(aside / "replaced")
        aside.rename(folder)
        shutil.rmtree(folder / "replaced", ignore_errors=True)
    except OSError:
        if not _is_whole(folder):  # else another process was first
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _open(folder, self_test):
    if not _is_whole(folder):
        raise EmbeddingError(f"{folder} is damaged: delete it, and it will be made again from its source")
    manifest = json.loads((folder / _MANIFEST).read_text())
    if self_test and not manifest["self_test"]:
        check_known_sounds(hub.load(str(folder)), folder)
    return CachedNetwork(str(folder), manifest["source"])


def _is_whole(folder):
    try:
        return json.loads((folder / _MANIFEST).read_text())["files"] == _checksum(_files(folder))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _files(folder):
    return sorted(path for pattern in ("*.pb", "variables/*") for path in folder.glob(pattern))


def _checksum(paths):
    digest = hashlib.sha256()
    for path in paths:
        # The name and the size too, so that bytes cannot move from one file to the next.
        digest.update(f"{path.name if len(paths) > 1 else ''} {path.stat().st_size}\n".encode())
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()
