"""What `aac-download` knows beside datasets: the weights and programs that parts of the package need."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from aac_tf.embeddings.sources import YAMNET_WEIGHTS
from aac_tf.evaluation.java.spice_files import JARS, SOURCE
from aac_tf.evaluation.sentence.weights import PUBLISHED


@dataclasses.dataclass(frozen=True)
class Tool:
    """Files that are kept in the cache folder.

    Args:
        about: what they are, in a line.
        licence: what their licence allows, in a line.
        homepage: the publisher's page, with the licence.
        use: what works with them.
        size: how large they are.
        files: dict of URL to checksum, such as `sha256:...`; None if the publisher states none.
        fetch: function `(URL of a mirror or None, options) -> folder` that downloads them.
    """

    about: str
    licence: str
    homepage: str
    use: str
    size: str
    files: dict[str, str | None]
    fetch: Callable


def _fetch_yamnet(mirror, options):
    from aac_tf.cli.console import start_tensorflow
    from aac_tf.utils.download import DownloadError, download_path, fetch_file, file_name

    path = download_path(YAMNET_WEIGHTS)
    if not path.is_file():
        mirrors = [f"{mirror.rstrip('/')}/{file_name(YAMNET_WEIGHTS)}"] if mirror else []
        fetch_file([*mirrors, YAMNET_WEIGHTS], path, max_bytes=100 << 20)
    start_tensorflow(options)
    from aac_tf.embeddings import EmbeddingError
    from aac_tf.embeddings.yamnet.source import cached_network

    try:
        return cached_network(str(path)).folder
    except EmbeddingError as error:
        path.unlink()
        raise DownloadError(f"what was downloaded from {YAMNET_WEIGHTS} is not YAMNet: {error}") from error


def _fetch_corenlp(mirror, options):
    from aac_tf.evaluation.java.spice_files import fetch_corenlp

    return fetch_corenlp(mirror)


def _fetch_fense(mirror, options):
    from aac_tf.evaluation.sentence.weights import fetch_weights

    return fetch_weights(mirror)


TOOLS = {
    "yamnet": Tool(
        "YAMNet, which hears 521 kinds of sounds; the network is tried on known sounds",
        "Apache-2.0",
        "https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
        "aac-caption works without a network",
        "15 MB",
        {YAMNET_WEIGHTS: None},
        _fetch_yamnet,
    ),
    "corenlp": Tool(
        "Stanford CoreNLP 3.6.0, with which SPICE parses captions",
        "GPL-3.0-or-later",
        "https://stanfordnlp.github.io/CoreNLP/",
        "aac-evaluate computes SPICE and SPIDEr",
        "390 MB",
        {f"{SOURCE}/{name}": f"sha1 in {name}.sha1, beside it" for name in JARS},
        _fetch_corenlp,
    ),
    "fense": Tool(
        "the networks of FENSE: sentence embeddings (TinyBERT) and two error detectors",
        "TinyBERT and the vocabulary Apache-2.0; the publisher of the error detectors states no licence",
        "https://github.com/blmoistawinde/fense",
        "aac-evaluate computes FENSE and SPIDEr-FL",
        "730 MB",
        {published.address: f"sha256:{published.sha256}" for published in PUBLISHED.values()},
        _fetch_fense,
    ),
}
