"""The files of Stanford CoreNLP 3.6.0 that SPICE needs: where they are kept and how they are downloaded."""

from __future__ import annotations

import os
import pathlib
import zipfile

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.java.jars import SPICE_LIBRARIES
from aac_tf.utils.cache import cache_folder
from aac_tf.utils.download import DownloadError, fetch_file, on_mirror, published_checksum

CORENLP = "AAC_TF_CORENLP"
FETCH = "aac-download corenlp"
# A file that each jar must contain: the class that SPICE runs, and the grammar that it parses captions with.
JARS = {
    "stanford-corenlp-3.6.0.jar": "edu/stanford/nlp/pipeline/StanfordCoreNLP.class",
    "stanford-corenlp-3.6.0-models.jar": "edu/stanford/nlp/models/lexparser/englishPCFG.ser.gz",
}
SOURCE = "https://repo1.maven.org/maven2/edu/stanford/nlp/stanford-corenlp/3.6.0"


def spice_folders():
    """Folders to search for the jars: `$AAC_TF_CORENLP` if set, else the cache and pycocoevalcap's own folder."""
    chosen = os.environ.get(CORENLP)
    if chosen:
        return [pathlib.Path(chosen).expanduser()]
    return [cache_folder() / "corenlp-3.6.0", SPICE_LIBRARIES]


def find_corenlp():
    """Paths of CoreNLP's two jars in the first of the `spice_folders` that has both undamaged; None if none has."""
    for folder in spice_folders():
        if all(_holds(folder / name, member) for name, member in JARS.items()):
            return [folder / name for name in JARS]
    return None


def why_no_spice():
    """Why SPICE cannot be computed and what to do about it; None if it can."""
    if find_corenlp() is not None:
        return None
    for folder in spice_folders():
        for name, member in JARS.items():
            if (folder / name).is_file() and not _holds(folder / name, member):
                return f"{folder / name} is incomplete or damaged; `{FETCH}` downloads it again"
    return f"`{FETCH}` downloads Stanford CoreNLP for SPICE"


def fetch_corenlp(source=None):
    """Downloads the two jars (about 390 MB) into the first of `spice_folders`.

    An interrupted download is resumed. Each jar is checked against the SHA-1 that the source publishes, and for the
    file that it must contain. Jars that are already there are not downloaded again.

    Args:
        source: URL of a folder with the jars and their `.sha1` files; None is Maven Central.

    Returns:
        The folder, `pathlib.Path`.

    Raises:
        MetricError: if the source cannot be reached, or the download is damaged.
    """
    folder = spice_folders()[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetricError(
            f"cannot write to {folder}: {error}; set AAC_TF_CACHE or {CORENLP} to another folder"
        ) from error
    for name, member in JARS.items():
        if not _holds(folder / name, member):
            _fetch(on_mirror(source or SOURCE, name), folder / name, member)
    return folder


def _fetch(url, path, member):
    checksum = published_checksum(url, "sha1")
    if checksum is None:
        raise _failed(url, f"there is no SHA-1 at {url}.sha1")
    try:
        fetch_file([url], path, f"sha1:{checksum}")
    except DownloadError as error:
        raise _failed(url, error) from error
    if not _holds(path, member):
        path.unlink()
        raise _failed(url, f"it does not contain {member}")


def _failed(url, reason):
    return MetricError(
        f"cannot download {url}: {reason}; run `{FETCH}` with a network connection or with --mirror URL, or put "
        f"{' and '.join(JARS)} (also in https://nlp.stanford.edu/software/stanford-corenlp-full-2015-12-09.zip) into "
        f"{spice_folders()[0]}"
    )


def _holds(path, member):
    """Whether a jar has its table of contents, which is at the end of the file, and the member in it."""
    try:
        with zipfile.ZipFile(path) as jar:
            return member in jar.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
