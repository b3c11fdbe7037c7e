"""Downloads YAMNet and caches it as a SavedModel of its network."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import pathlib
import re
import shutil
import sys
import uuid
from typing import NamedTuple

import tensorflow_hub as hub
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from aac_tf.embeddings.errors import EmbeddingError
from aac_tf.embeddings.sources import PUBLISHED, YAMNET_WEIGHTS, choose_source
from aac_tf.embeddings.yamnet.check import check_known_sounds
from aac_tf.embeddings.yamnet.network import PRECISIONS, build_network, load_network, save_networks
from aac_tf.embeddings.yamnet.weights import read_weights, shortened
from aac_tf.utils.cache import cache_folder
from aac_tf.utils.download import DownloadError, download, download_path

logger = logging.getLogger(__name__)

VARIABLE, HANDLE, _KNOWN, _ = PUBLISHED["yamnet"]
_MAX_BYTES = 100 << 20  # the published files have 15 and 17 MB
_MANIFEST = "aac_tf_yamnet.json"
_FORMAT = 2  # of the cached folder; increase it when the output of `save_networks` changes
_ADVICE = (
    "run `aac-download yamnet` with a network connection, or set embedding.source or the environment variable "
    f"{VARIABLE} to a copy of the weights (yamnet.h5, or the folder of the TF-Hub model)"
)


# Operations of the graphs that `save_networks` writes: the network, calls, and the saving of no variables.
_OPERATIONS = frozenset(
    [
        "BiasAdd",
        "Cast",
        "Conv2D",
        "DepthwiseConv2dNative",
        "MatMul",
        "Mean",
        "Relu",
        "Reshape",
        "Sigmoid",
        "Shape",
        "StridedSlice",
        "Pack",
        "Squeeze",
        "ExpandDims",
        "Const",
        "Identity",
        "NoOp",
        "Placeholder",
        "PartitionedCall",
        "StatefulPartitionedCall",
        "MergeV2Checkpoints",
        "RestoreV2",
        "SaveV2",
        "Select",
        "ShardedFilename",
        "StaticRegexFullMatch",
        "StringJoin",
    ]
)


class CachedNetwork(NamedTuple):
    """The folder of the SavedModel, and the SHA-256 of the weights that it was built from."""

    folder: str
    checksum: str


def cached_network(source=None, self_test=True):
    """Returns YAMNet from the cache, after adding it if necessary.

    The cache is `$AAC_TF_CACHE/yamnet`, or `~/.cache/aac_tf/yamnet`, with one folder per source.

    Args:
        source: path of the weights (see `read_weights`), a TF-Hub or Kaggle handle, the address of an `.h5` or `.npz`
            file (see `download`), or a folder of the cache; None takes $AAC_TF_YAMNET, or else the TF-Hub handle or, if
            that cannot be reached, the weights of its authors (`YAMNET_WEIGHTS`), which are also taken if they were
            downloaded before. Of all sources only weights are read: only graphs that this function built and cached
            are executed.
        self_test: bool, whether the network must pass `check_known_sounds`.

    Returns:
        `CachedNetwork`.

    Raises:
        EmbeddingError: if the source cannot be reached, is damaged or is not YAMNet, or the cache cannot be written.
    """
    path = resolve_source(source)
    if (path / _MANIFEST).is_file():
        return _open(path, self_test)
    checksum = _weights_checksum(path)
    folder = _cached(checksum)
    if folder.is_dir():
        try:
            return _open(folder, self_test)
        except EmbeddingError as error:
            logger.warning("%s; rebuilding it", error)
    try:
        _build(path, folder, checksum, self_test)
    except OSError as error:
        raise EmbeddingError(f"cannot write {folder}: {error}; set AAC_TF_CACHE to a writable folder") from error
    return _open(folder, self_test)


def find_weights(source, checksum):
    """Finds weights that were used earlier: where they were, or in the cache.

    Args:
        source: path where they were; None if unknown.
        checksum: `CachedNetwork.checksum` of them; None if unknown.

    Returns:
        str, a source for `cached_network`; None if they are in neither place.
    """
    if not checksum or not re.fullmatch("[0-9a-f]{64}", checksum):
        return None
    with contextlib.suppress(OSError):
        if source and os.path.exists(source) and _weights_checksum(pathlib.Path(source)) == checksum:
            return source
    return str(_cached(checksum)) if (_cached(checksum) / _MANIFEST).is_file() else None


def resolve_source(source=None):
    """The local path of a source, downloaded if it is a handle; arguments and errors as for `cached_network`."""
    source = choose_source(source, VARIABLE, HANDLE)
    path = pathlib.Path(source)
    if re.fullmatch(r"google/yamnet(/\w+)+", source) and not path.exists():
        source = f"https://www.kaggle.com/models/{source}"
    if "://" in source:
        path = _from_file(source) if re.search(r"\.(h5|npz)(#|$)", source) else _from_hub(source)
    if not path.exists():
        raise EmbeddingError(f"no YAMNet at {path}: {_ADVICE}")
    return path


def _weights_checksum(path):
    return _checksum([path] if path.is_file() else sorted((path / "variables").glob("variables.*")))


def _cached(checksum):
    return cache_folder() / "yamnet" / f"{checksum}-{_FORMAT}"


def _from_hub(handle):
    known = handle == HANDLE or re.fullmatch(_KNOWN, handle)
    if known and download_path(YAMNET_WEIGHTS).is_file():  # downloaded before, by a command or since the hub was down
        return download_path(YAMNET_WEIGHTS)
    try:
        with _progress_of_hub():
            return pathlib.Path(hub.resolve(handle))
    except Exception as error:  # each way of downloading raises its own errors
        failure = f"no YAMNet: {_ADVICE}; cannot download {handle}: {error}"
        if not known:
            raise EmbeddingError(failure) from error
        try:
            return download(YAMNET_WEIGHTS, _MAX_BYTES)
        except (DownloadError, ValueError) as second:
            raise EmbeddingError(f"{failure}; {second}") from error


def _from_file(address):
    try:
        return download(address, _MAX_BYTES)
    except (DownloadError, ValueError) as error:
        raise EmbeddingError(f"no YAMNet: {_ADVICE}; {error}") from error


@contextlib.contextmanager
def _progress_of_hub():
    """Lets TF-Hub show its progress on a terminal: on standard error, as standard output is for results."""
    if not sys.stderr.isatty() or "TFHUB_DOWNLOAD_PROGRESS" in os.environ:
        yield
        return
    os.environ["TFHUB_DOWNLOAD_PROGRESS"] = "1"
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        del os.environ["TFHUB_DOWNLOAD_PROGRESS"]


def _build(path, folder, checksum, self_test):
    weights = read_weights(path)
    networks = {precision: build_network(weights, precision) for precision in PRECISIONS}
    if self_test:
        check_known_sounds(networks["float32"], path)
    # Written to a temporary folder and renamed, so that the folder is complete even if the program is killed or another
    # one builds it at the same time.
    temporary = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
    temporary.mkdir(parents=True)
    try:
        save_networks(networks, temporary)
        manifest = {"source": checksum, "files": _checksum(_files(temporary)), "self_test": self_test}
        (temporary / _MANIFEST).write_text(json.dumps(manifest, indent=2))
        if folder.exists():
            folder.rename(temporary / "replaced")
        temporary.rename(folder)
        shutil.rmtree(folder / "replaced", ignore_errors=True)
    except OSError:
        if not _is_complete(folder):  # otherwise another process was first
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _open(folder, self_test):
    if not _is_complete(folder):
        raise EmbeddingError(f"{folder} is damaged: delete it to rebuild it from its source")
    cache = cache_folder() / "yamnet"
    if not folder.resolve().is_relative_to(cache.resolve()):
        # Its graph would be executed, and anyone can write a manifest.
        raise EmbeddingError(
            f"{folder} looks like a folder of the cache, but is not in {cache}: move it there if you trust it, or pass "
            "the weights that it was built from"
        )
    _check_operations(folder)
    manifest = json.loads((folder / _MANIFEST).read_text())
    if self_test and not manifest["self_test"]:
        check_known_sounds(load_network(folder), folder)
    return CachedNetwork(str(folder), manifest["source"])


def _check_operations(folder):
    """Raises `EmbeddingError` if a cached graph has operations that `save_networks` does not write."""
    try:
        meta = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs[0].graph_def
    except (DecodeError, IndexError) as error:
        raise EmbeddingError(f"{folder} is damaged: {error}; delete it to rebuild it from its source") from error
    nodes = [*meta.node, *(node for function in meta.library.function for node in function.node_def)]
    functions = {function.signature.name for function in meta.library.function}
    foreign = sorted({node.op for node in nodes} - functions - _OPERATIONS)
    if foreign:
        raise EmbeddingError(f"{folder} is not YAMNet: its graph has the operations {shortened(foreign)}")


def _is_complete(folder):
    try:
        return json.loads((folder / _MANIFEST).read_text())["files"] == _checksum(_files(folder))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _files(folder):
    return sorted(path for pattern in ("*.pb", "variables/*") for path in folder.glob(pattern))


def _checksum(paths):
    digest = hashlib.sha256()
    for path in paths:
        # Names and sizes too, so that moving bytes from one file to the next changes the checksum.
        digest.update(f"{path.name if len(paths) > 1 else ''} {path.stat().st_size}\n".encode())
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()
