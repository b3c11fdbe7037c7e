"""The files of Stanford CoreNLP 3.6.0 that SPICE needs: where they are kept and how they are downloaded."""

from __future__ import annotations

import hashlib
import http.client
import os
import pathlib
import re
import urllib.error
import urllib.request
import zipfile

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.java.jars import SPICE_LIBRARIES
from aac_tf.utils.cache import cache_folder

CORENLP = "AAC_TF_CORENLP"
FETCH = "aac-evaluate --fetch-spice"
# A file that each jar must contain: the class that SPICE runs, and the grammar that it parses captions with.
JARS = {
    "stanford-corenlp-3.6.0.jar": "edu/stanford/nlp/pipeline/StanfordCoreNLP.class",
    "stanford-corenlp-3.6.0-models.jar": "edu/stanford/nlp/models/lexparser/englishPCFG.ser.gz",
}
SOURCE = "https://repo1.maven.org/maven2/edu/stanford/nlp/stanford-corenlp/3.6.0"
_BLOCK = 1 << 18
_TIMEOUT = 60  # seconds without a byte


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


def fetch_corenlp(source=None, progress=None):
    """Downloads the two jars (about 390 MB) into the first of `spice_folders`.

    An interrupted download is resumed. Each jar is checked against the SHA-1 that the source publishes, and for the
    file that it must contain. Jars that are already there are not downloaded again.

    Args:
        source: URL of a folder with the jars and their `.sha1` files; None is Maven Central.
        progress: optional function `(name, done, total)`, in bytes.

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
        if _holds(folder / name, member):
            continue
        _fetch((source or SOURCE).rstrip("/") + "/" + name, folder / name, member, progress)
    return folder


def _fetch(url, path, member, progress):
    part = path.with_name(path.name + ".part")
    checksum = _checksum_at(url)
    while True:
        before = part.stat().st_size if part.exists() else 0
        total = _transfer(url, part, before, progress)
        size = part.stat().st_size
        if total is None or size >= total:
            break
        if size <= before:
            raise MetricError(f"the download of {url} stopped at {size} of {total} bytes; run `{FETCH}` to resume it")
    found = _sha1(part)
    if found != checksum or not _holds(part, member):
        part.unlink()
        fault = f"its SHA-1 is {found}, expected {checksum}" if found != checksum else f"it does not contain {member}"
        raise MetricError(f"the download of {url} is damaged: {fault}; run `{FETCH}` again")
    part.replace(path)


def _transfer(url, part, start, progress):
    """Downloads the rest of a file until the connection breaks; returns the full size, or None if it is unknown."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the file is complete
            return start
        raise _unreachable(url, error) from error
    except OSError as error:
        raise _unreachable(url, error) from error
    with answer:
        resumed = answer.status == 206
        if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise MetricError(f"{url} did not send the requested part of the file; delete {part} and try again")
        done = start if resumed else 0
        length = answer.headers.get("Content-Length")
        total = int(length) + done if length else None
        with open(part, "ab" if resumed else "wb") as file:
            while block := _read(answer):
                file.write(block)
                done += len(block)
                if progress and total:
                    progress(part.name[: -len(".part")], done, total)
    return total


def _read(answer):
    try:
        return answer.read(_BLOCK)
    except (OSError, http.client.HTTPException):  # the connection broke: keep what arrived
        return b""


def _checksum_at(url):
    try:
        with urllib.request.urlopen(url + ".sha1", timeout=_TIMEOUT) as answer:
            text = answer.read(1000).decode("ascii", "replace")
    except OSError as error:
        raise _unreachable(url + ".sha1", error) from error
    found = re.match(r"\s*([0-9a-fA-F]{40})\b", text)
    if not found:
        raise MetricError(f"{url}.sha1 does not contain a SHA-1: {text[:60]!r}")
    return found[1].lower()


def _unreachable(url, error):
    reason = getattr(error, "reason", error)
    return MetricError(
        f"cannot download {url}: {reason}; run `{FETCH}` with a network connection, or put {' and '.join(JARS)} (also "
        f"in https://nlp.stanford.edu/software/stanford-corenlp-full-2015-12-09.zip) into {spice_folders()[0]}"
    )


def _sha1(path):
    digest = hashlib.sha1()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def _holds(path, member):
    """Whether a jar has its table of contents, which is at the end of the file, and the member in it."""
    try:
        with zipfile.ZipFile(path) as jar:
            return member in jar.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
