"""Downloads of single files: once, resumed, with a checksum, a size limit and a progress bar."""

import hashlib
import logging
import pathlib
import re
from urllib.parse import urlsplit

from aac_tf.utils.atomic import WriteError
from aac_tf.utils.cache import cache_folder
from aac_tf.utils.locks import waiting_lock
from aac_tf.utils.resumed import TIMEOUT, ChecksumError, DownloadError, ResumedDownload, file_name

logger = logging.getLogger(__name__)


def download(address, max_bytes, checksum_beside=False):
    """Downloads a file into the cache folder, unless it is there already.

    Args:
        address: str, `https://...`, optionally followed by `#sha256=` and the SHA-256 of the file in hexadecimal;
            `http://...` needs the SHA-256.
        max_bytes: int, size at which the download is given up.
        checksum_beside: bool, whether an address without SHA-256 may have one in the file `ADDRESS.sha256`.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        DownloadError: if the server cannot be reached, or the file is too large or has another SHA-256.
        WriteError: if the disk is full.
        ValueError: if the address is not valid.
    """
    import pooch

    url, sha256 = split_address(address)
    path = download_path(url)
    if path.is_file() and sha256 is None:
        return path
    if sha256 is None and checksum_beside:
        sha256 = published_checksum(url, "sha256")
    try:
        fetch_file([url], path, sha256 and f"sha256:{sha256}", max_bytes)
    except WriteError:
        raise
    except OSError as error:
        raise DownloadError(f"cannot store {url} in {path.parent}: {error}; set AAC_TF_CACHE") from error
    if sha256 is None:
        found = pooch.file_hash(str(path))
        logger.warning(
            "%s has no known checksum; to accept only this file from now on, use %s#sha256=%s", url, url, found
        )
    return path


def download_path(address):
    """The path in the cache folder that `download` gives a file, as `pathlib.Path`; it may not exist."""
    url = address.partition("#")[0]
    name = re.sub(r"[^\w.-]", "_", file_name(url))[-100:]
    return cache_folder() / "downloads" / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{name}"


def on_mirror(mirror, name):
    """The address of a file on a mirror.

    Args:
        mirror: str, URL of a folder.
        name: str, name of the file, or its URL at the publisher.

    Returns:
        str.

    Example:
        >>> from aac_tf.utils.download import on_mirror
        >>> on_mirror("https://example.org/mirror/", "https://publisher.org/files/audio.7z?download=1")
        'https://example.org/mirror/audio.7z'
    """
    return f"{mirror.rstrip('/')}/{file_name(name)}"


def fetch_file(urls, path, checksum=None, max_bytes=None):
    """Downloads a file from the first of several addresses that has it.

    What arrived of an interrupted download is kept in `PATH.part`, also for the next call. Nothing is downloaded if
    the file is there and has the checksum, or none is known.

    Args:
        urls: list of str, the addresses. `http://` is only used with a checksum.
        path: path of the file.
        checksum: str, `sha256:`, `sha1:` or `md5:` and the hexadecimal digits; None if it is not known.
        max_bytes: int, size at which the download is given up; None for no limit.

    Raises:
        DownloadError: if no address has the file, or not with this checksum.
        WriteError: if the disk is full; other `OSError` are those of the file system.
    """
    path, reasons = pathlib.Path(path), []
    for url in urls:
        resumed = _part(path).exists()
        try:
            try:
                _retrieve(url, path, checksum, max_bytes)
            except ChecksumError:
                if not resumed:
                    raise
                _retrieve(url, path, checksum, max_bytes)  # the beginning may be that of another version
            return
        except DownloadError as error:
            reasons.append(str(error))
    raise DownloadError("; ".join(reasons))


def _retrieve(url, path, checksum, max_bytes):
    import pooch

    log = pooch.get_logger()
    level = log.level
    log.setLevel("ERROR")  # it has its own words for what is said here
    try:
        if path.is_file() and (checksum is None or pooch.hashes.hash_matches(path, checksum)):
            return  # without a lock: the folder may be one that cannot be written
        path.parent.mkdir(parents=True, exist_ok=True)
        downloader = ResumedDownload(_part(path), max_bytes, checksum is not None)
        # What another process has downloaded in the meantime is there.
        with waiting_lock(path.with_name(f"{path.name}.part.lock")):
            pooch.retrieve(url, checksum, path.name, path.parent, downloader=downloader)
    except ValueError as error:
        raise ChecksumError(f"{url}: {error}") from error
    finally:
        log.setLevel(level)


def _part(path):
    return path.with_name(f"{path.name}.part")


def split_address(address):
    """Splits an address for `download` into URL and SHA-256, which is None if there is none.

    Raises:
        ValueError: if the address is not valid.

    Example:
        >>> from aac_tf.utils.download import split_address
        >>> split_address("https://example.org/run.tar.gz")
        ('https://example.org/run.tar.gz', None)
    """
    url, _, fragment = address.partition("#")
    found = re.fullmatch(r"sha256=([0-9a-fA-F]{64})", fragment)
    if fragment and not found:
        raise ValueError(f"{address}: expected #sha256= and 64 hexadecimal digits after the address, got #{fragment}")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError(f"{address}: expected an address https://...: {error}") from error
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"{address}: expected an address https://...")
    if parts.scheme == "http" and not found:
        raise ValueError(f"{address}: http:// is not protected; use https://, or add #sha256= and the file's SHA-256")
    return url, found[1].lower() if found else None


def published_checksum(url, kind):
    """The checksum that a server publishes beside a file.

    Args:
        url: str, address of the file.
        kind: str, `sha256` or `sha1`; the checksum is in the file `URL.KIND`.

    Returns:
        str, the hexadecimal digits; None if there is none.
    """
    import requests

    digits = {"sha256": 64, "sha1": 40}[kind]
    try:
        with requests.get(f"{url}.{kind}", timeout=TIMEOUT, stream=True) as answer:
            text = answer.raw.read(1024, decode_content=True) if answer.ok else b""
    except (OSError, ValueError):  # the file itself will show whether there is a network
        return None
    found = re.match(rb"\s*([0-9a-fA-F]{%d})(\s|$)" % digits, text)
    return found[1].decode().lower() if found else None
