"""What `aac-download` knows beside datasets: the weights and programs that parts of the package need."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from aac_tf.downloads.catalogue import Listed
from aac_tf.embeddings.sources import YAMNET_WEIGHTS
from aac_tf.evaluation.java.spice_files import JARS, SOURCE, fetch_corenlp
from aac_tf.evaluation.sentence.weights import PUBLISHED, fetch_weights


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tool(Listed):
    """Files that are kept in the cache folder.

    Args:
        files: dict of URL to checksum, such as `sha256:...`; None if the publisher states none.
        fetch: function `(URL of a mirror or None, options) -> folder` that downloads them.
    """

    files: dict[str, str | None]
    fetch: Callable


def _fetch_yamnet(mirror, options):
    from aac_tf.cli.console import start_tensorflow
    from aac_tf.utils.download import DownloadError, download_path, fetch_file, on_mirror

    path = download_path(YAMNET_WEIGHTS)
    if not path.is_file():
        source = on_mirror(mirror, YAMNET_WEIGHTS) if mirror else YAMNET_WEIGHTS
        fetch_file([source], path, max_bytes=100 << 20)
    start_tensorflow(options)
    from aac_tf.embeddings import EmbeddingError
    from aac_tf.embeddings.yamnet.source import cached_network

    try:
        return cached_network(str(path)).folder
    except EmbeddingError as error:
        path.unlink()
        raise DownloadError(f"what was downloaded from {mirror or YAMNET_WEIGHTS} is not YAMNet: {error}") from error


TOOLS = {
    "yamnet": Tool(
        about="YAMNet, which hears 521 kinds of sounds; the network is tried on known sounds",
        licence="Apache-2.0",
        homepage="https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
        use="aac-caption works without a network",
        size="15 MB",
        files={YAMNET_WEIGHTS: None},
        fetch=_fetch_yamnet,
    ),
    "corenlp": Tool(
        about="Stanford CoreNLP 3.6.0, with which SPICE parses captions",
        licence="GPL-3.0-or-later",
        homepage="https://stanfordnlp.github.io/CoreNLP/",
        use="aac-evaluate computes SPICE and SPIDEr",
        size="390 MB",
        files={f"{SOURCE}/{name}": f"sha1 in {name}.sha1, beside it" for name in JARS},
        fetch=lambda mirror, options: fetch_corenlp(mirror),
    ),
    "fense": Tool(
        about="the networks of FENSE: sentence embeddings (TinyBERT) and two error detectors",
        licence="TinyBERT and the vocabulary Apache-2.0; the publisher of the error detectors states no licence",
        homepage="https://github.com/blmoistawinde/fense",
        use="aac-evaluate computes FENSE and SPIDEr-FL",
        size="730 MB",
        files={published.address: f"sha256:{published.sha256}" for published in PUBLISHED.values()},
        fetch=lambda mirror, options: fetch_weights(mirror),
    ),
}
