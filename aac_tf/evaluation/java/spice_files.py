"""The files of Stanford CoreNLP 3.6.0 that SPICE needs: where they are looked for, and how they are fetched."""

from __future__ import annotations

import hashlib
import http.client
import os
import pathlib
import re
import urllib.error
import urllib.request
import zipfile

from pycocoevalcap.spice import spice

from aac_tf.evaluation.java.process import MetricError
from aac_tf.utils.cache import cache_folder

CORENLP = "AAC_TF_CORENLP"
FETCH = "aac-evaluate --fetch-spice"
# A file that each must hold: what SPICE starts, and the grammar that it parses captions with.
JARS = {
    "stanford-corenlp-3.6.0.jar": "edu/stanford/nlp/pipeline/StanfordCoreNLP.class",
    "stanford-corenlp-3.6.0-models.jar": "edu/stanford/nlp/models/lexparser/englishPCFG.ser.gz",
}
SOURCE = "https://repo1.maven.org/maven2/edu/stanford/nlp/stanford-corenlp/3.6.0"
_BLOCK = 1 << 18
_TIMEOUT = 60  # seconds without a byte


def spice_folders():
    """Folders that may hold the jars: `$AAC_TF_CORENLP` if set; else the cache's, and pycocoevalcap's own."""
    chosen = os.environ.get(CORENLP)
    if chosen:
        return [pathlib.Path(chosen).expanduser()]
    return [cache_folder() / "corenlp-3.6.0", pathlib.Path(spice.__file__).with_name("lib")]


def fetch_corenlp(source=None, progress=None):
    """Downloads the two jars (about 390 MB) into the first of `spice_folders`; a transfer cut short is gone on with.

    Each is checked against the SHA-1 that lies beside it at the source, and by what it holds. Jars that are there and
    whole are not fetched again.

    Args:
        source: URL of a folder with the jars and their `.sha1` files; None takes Maven Central's.
        progress: optional function called as `progress(name, done, total)`, in bytes.

    Returns:
        The folder.

    Raises:
        MetricError: if the source cannot be reached, or what it sends is damaged.
    """
    folder = spice_folders()[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetricError(f"cannot write {folder}: {error}; AAC_TF_CACHE or {CORENLP} names another") from error
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
            raise MetricError(f"{url} broke off at {size} of {total} bytes; run `{FETCH}` again to go on")
    found = _sha1(part)
    if found != checksum or not _holds(part, member):
        part.unlink()
        wrong = f"its SHA-1 is {found}, not {checksum}" if found != checksum else f"it has no {member}"
        raise MetricError(f"what came from {url} is damaged: {wrong}; run `{FETCH}` again")
    part.replace(path)


def _transfer(url, part, start, progress):
    """Appends to a file what it lacks, as far as the connection lasts; returns the whole size, or None if unknown."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is missing
            return start
        raise _unreachable(url, error) from error
    except OSError as error:
        raise _unreachable(url, error) from error
    with answer:
        resumed = answer.status == 206
        if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise MetricError(f"{url} sent another part of the file than was asked for; delete {part}")
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
    except (OSError, http.client.HTTPException):  # the connection broke: keep what there is
        return b""


def _checksum_at(url):
    try:
        with urllib.request.urlopen(url + ".sha1", timeout=_TIMEOUT) as answer:
            text = answer.read(1000).decode("ascii", "replace")
    except OSError as error:
        raise _unreachable(url + ".sha1", error) from error
    found = re.match(r"\s*([0-9a-fA-F]{40})\b", text)
    if not found:
        raise MetricError(f"{url}.sha1 holds no SHA-1, but {text[:60]!r}")
    return found[1].lower()


def _unreachable(url, error):
    reason = getattr(error, "reason", error)
    return MetricError(
        f"cannot fetch {url}: {reason}; run `{FETCH}` where there is a network, or put {' and '.join(JARS)} (also in "
        f"https://nlp.stanford.edu/software/stanford-corenlp-full-2015-12-09.zip) into {spice_folders()[0]}"
    )


def _sha1(path):
    digest = hashlib.sha1()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def _holds(path, member):
    try:
        with zipfile.ZipFile(path) as jar:
            return member in jar.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
