"""The weights of the sentence networks: where they come from, and their form in the cache."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import pathlib
import re
from typing import NamedTuple

import numpy as np

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.sentence.torch_file import TorchFileError, read_torch_file
from aac_tf.utils.atomic import atomic_write
from aac_tf.utils.cache import cache_folder
from aac_tf.utils.download import DownloadError, download, on_mirror

logger = logging.getLogger(__name__)

VARIABLE = "AAC_TF_FENSE"
FETCH = "aac-download fense"
_FORMAT = 1  # of the files in the cache; increase it when the output of `convert` changes
_HEAD_WIDTH = 64  # of each BERT of its authors


class Published(NamedTuple):
    """A published file.

    Attributes:
        files: its names in the folder $AAC_TF_FENSE, by preference.
        address: str, URL.
        sha256: str, in hexadecimal.
        max_bytes: int, size at which a download is given up.
        same: SHA-256 of other files with the same weights.
    """

    files: tuple
    address: str
    sha256: str
    max_bytes: int
    same: tuple = ()


_HUB = "https://huggingface.co"
_RELEASE = "https://github.com/blmoistawinde/fense/releases/download/V0.1"
EMBEDDER = "paraphrase-TinyBERT-L6-v2"
VOCABULARY = "vocabulary"
PUBLISHED = {
    EMBEDDER: Published(
        (f"{EMBEDDER}/model.safetensors", f"{EMBEDDER}/pytorch_model.bin"),
        f"{_HUB}/sentence-transformers/{EMBEDDER}/resolve/abd4049810603ad804fcb2b415805ddfdca13873/model.safetensors",
        "271b4d1464007725e4daec2b561bf9f4552c8a4aa09721f46c8c0165f0f16068",
        300 << 20,
        ("4bfbc1766cca3862ef62dc38ccb4f971f64dc65b7e814d6a9da594d19c76c0ec",),  # pytorch_model.bin
    ),
    "echecker_clotho_audiocaps_base": Published(
        ("echecker_clotho_audiocaps_base.ckpt",),
        f"{_RELEASE}/echecker_clotho_audiocaps_base.ckpt",
        "1a719f090af70614bbdb9f9437530b7e133c48cfa4a58d964de0d47fc974a2fa",
        1400 << 20,
    ),
    "echecker_clotho_audiocaps_tiny": Published(
        ("echecker_clotho_audiocaps_tiny.ckpt",),
        f"{_RELEASE}/echecker_clotho_audiocaps_tiny.ckpt",
        "90ed0ac5033ec497ec66d4f68588053813e085671136dae312097c96c504f673",
        100 << 20,
    ),
    # That of all uncased English BERTs, also of the networks above.
    VOCABULARY: Published(
        ("vocab.txt", f"{EMBEDDER}/vocab.txt"),
        f"{_HUB}/google-bert/bert-base-uncased/resolve/86b5e0934494bd15c9632b12f734a8a67f723594/vocab.txt",
        "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        1 << 20,
    ),
}


def why_no_weights(*names):
    """Why networks cannot be loaded and what to do about it, as str; None if they can.

    Args:
        *names: keys of `PUBLISHED`.
    """
    folder = os.environ.get(VARIABLE)
    for name in names:
        if _source(name) is not None:
            continue
        if folder:
            wanted = " or ".join(PUBLISHED[name].files)
            return f"{VARIABLE}: there is no {wanted} in {folder}; unset it, and run `{FETCH}`"
        return f"`{FETCH}` downloads the weights that FENSE and SPIDEr-FL need, or set {VARIABLE} to a folder of them"
    return None


def find_weights(name):
    """The path of a network's weights in the form of the cache, converted if necessary; or the path of the vocabulary.

    Args:
        name: key of `PUBLISHED`.

    Returns:
        `pathlib.Path` of a safetensors file, see `convert`, or of the vocabulary.

    Raises:
        MetricError: if there are no weights, or they are damaged.
    """
    reason = why_no_weights(name)
    if reason:
        raise MetricError(reason)
    source = _source(name)
    if name == VOCABULARY or not os.environ.get(VARIABLE):
        return source
    state = source.stat()
    try:
        path = _cached(_sha256(name, source, state.st_size, state.st_mtime_ns))
        if not path.is_file():
            convert(source, path)
    except OSError as error:
        raise MetricError(f"cannot convert {source}: {error}; set AAC_TF_CACHE to a writable folder") from error
    return path


def fetch_weights(mirror=None):
    """Downloads all published files into the cache, and converts them.

    Each file is checked against its known SHA-256. Files that are already there are not downloaded again.

    Args:
        mirror: URL of a folder with files of the same names; None takes the hub and FENSE's release.

    Returns:
        The folder, `pathlib.Path`.

    Raises:
        MetricError: if a file cannot be downloaded, or is damaged.
    """
    for name, published in PUBLISHED.items():
        path = _cached(published.sha256, name)
        if path.is_file():
            continue
        address = on_mirror(mirror, published.address) if mirror else published.address
        try:
            found = download(f"{address}#sha256={published.sha256}", published.max_bytes)
            if name == VOCABULARY:
                path.parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(path) as unfinished:
                    unfinished.write_bytes(found.read_bytes())
            else:
                convert(found, path)
            found.unlink()  # several hundred MB that are no longer needed
        except (DownloadError, ValueError) as error:
            raise MetricError(
                f"{error}; run `{FETCH}` with a network connection or with --mirror URL, or put the files into a "
                f"folder and set {VARIABLE} to it"
            ) from error
        except OSError as error:
            raise MetricError(f"cannot write {path}: {error}; set AAC_TF_CACHE to a writable folder") from error
    return _folder()


def convert(source, path):
    """Writes the weights of a BERT as safetensors, with the names of transformers' `BertModel`.

    Args:
        source: path of a safetensors file or PyTorch checkpoint with the weights of a `BertModel`, or with those of
            FENSE's error detector: a `BertModel` called `encoder` and a linear layer `clf`, possibly in a dictionary
            under `state_dict`.
        path: path of the file to write, with `clf.weight` and `clf.bias` if it is a detector.

    Raises:
        MetricError: if the source is damaged or something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save_file

    try:
        content = load_file(source) if source.suffix == ".safetensors" else read_torch_file(source)
    except (SafetensorError, TorchFileError) as error:
        raise MetricError(f"cannot read {source}: {error}; download it again") from error
    tensors = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(value, np.ndarray) for name, value in tensors.items()
    ):
        raise MetricError(f"{source}: expected the weights of a BERT, got something else")
    prefix = "encoder." if "clf.weight" in tensors else "bert." if any(n.startswith("bert.") for n in tensors) else ""
    weights = {
        name: np.ascontiguousarray(value, "float32")
        for key, value in tensors.items()
        if (name := key.removeprefix(prefix)) and not re.match(r"pooler\.|embeddings\.position_ids$|cls\.", name)
    }
    if "embeddings.word_embeddings.weight" not in weights:
        raise MetricError(f"{source}: expected the weights of a BERT; embeddings.word_embeddings.weight is missing")
    wrong = [name for name, value in weights.items() if not np.isfinite(value).all()]
    if wrong:
        raise MetricError(f"{source} is damaged: {wrong[0]} is not finite; download it again")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        save_file(weights, unfinished, metadata={"heads": str(_heads(source, weights))})


def _heads(source, weights):
    """The number of attention heads, which the tensors do not show: from a config.json in the folder of the model."""
    config = source.with_name("config.json")
    try:
        heads = json.loads(config.read_text(encoding="utf-8"))["num_attention_heads"] if config.is_file() else None
    except (ValueError, TypeError, LookupError) as error:
        raise MetricError(f"{config} is damaged: expected num_attention_heads: {error!r}") from error
    width = weights["embeddings.word_embeddings.weight"].shape[-1]
    return heads or max(1, width // _HEAD_WIDTH)


def _source(name):
    """The file of $AAC_TF_FENSE, or else that of the cache; None if there is none."""
    folder = os.environ.get(VARIABLE)
    if folder:
        paths = [pathlib.Path(folder).expanduser() / file for file in PUBLISHED[name].files]
    else:
        paths = [_cached(PUBLISHED[name].sha256, name)]
    return next((path for path in paths if path.is_file()), None)


def _folder():
    return cache_folder() / "fense"


def _cached(sha256, name=None):
    return _folder() / (f"{sha256[:32]}.txt" if name == VOCABULARY else f"{sha256[:32]}-{_FORMAT}.safetensors")


@functools.lru_cache(maxsize=8)
def _sha256(name, path, size, modified):
    """The SHA-256 of a file; it takes a second, so it is computed once as long as the file does not change."""
    with open(path, "rb") as file:
        found, published = hashlib.file_digest(file, "sha256").hexdigest(), PUBLISHED[name]
    if found not in (published.sha256, *published.same):
        logger.warning("%s is not the published file: scores are not comparable with those of others", path)
    return found
