"""Downloads of single files: once, with a checksum, a size limit and a progress bar."""

import hashlib
import logging
import os
import pathlib
import re
import sys
import time
from urllib.parse import unquote, urlsplit

from tqdm import tqdm

from aac_tf.errors import AacError
from aac_tf.utils.cache import cache_folder

logger = logging.getLogger(__name__)

_ATTEMPTS = 4
_TIMEOUT = (15, 60)  # seconds to connect, and between two parts of the answer
_BLOCK = 1 << 16


class DownloadError(AacError, RuntimeError):
    """A file could not be downloaded, or is not the expected one."""


def download(address, max_bytes, checksum_beside=False):
    """Downloads a file into the cache folder, unless it is there already.

    A connection that breaks is continued where it broke.

    Args:
        address: str, `https://...`, optionally followed by `#sha256=` and the SHA-256 of the file in hexadecimal;
            `http://...` needs the SHA-256.
        max_bytes: int, size at which the download is given up.
        checksum_beside: bool, whether an address without SHA-256 may have one in the file `ADDRESS.sha256`.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        DownloadError: if the server cannot be reached, or the file is too large or has another SHA-256.
        ValueError: if the address is not valid.
    """
    import pooch

    url, checksum = split_address(address)
    name = os.path.basename(unquote(urlsplit(url).path)) or "file"
    name = re.sub(r"[^\w.-]", "_", name)[-100:]
    path = cache_folder() / "downloads" / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{name}"
    if path.is_file() and checksum is None:
        return path
    if checksum is None and checksum_beside:
        checksum = _checksum_beside(url)
    log = pooch.get_logger()
    level = log.level
    log.setLevel("ERROR")  # it has its own words for what is said here
    try:
        pooch.retrieve(url, checksum, path.name, path.parent, downloader=_Downloader(max_bytes, checksum is not None))
    except ValueError as error:  # the checksum
        raise DownloadError(f"{url}: {error}") from error
    except OSError as error:
        raise DownloadError(f"cannot store {url} in {path.parent}: {error}; set AAC_TF_CACHE") from error
    finally:
        log.setLevel(level)
    if checksum is None:
        found = pooch.file_hash(str(path))
        logger.warning(
            "%s has no known checksum; to accept only this file from now on, use %s#sha256=%s", url, url, found
        )
    return path


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
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"{address}: expected an address https://...")
    if parts.scheme == "http" and not found:
        raise ValueError(f"{address}: http:// is not protected; use https://, or add #sha256= and the file's SHA-256")
    return url, found[1].lower() if found else None


def _checksum_beside(url):
    """The SHA-256 in the file `URL.sha256`, or None."""
    import requests

    try:
        with requests.get(f"{url}.sha256", timeout=_TIMEOUT, stream=True) as answer:
            text = answer.raw.read(1024, decode_content=True) if answer.ok else b""
    except (OSError, ValueError):  # the file itself will show whether there is a network
        return None
    found = re.match(rb"\s*([0-9a-fA-F]{64})(\s|$)", text)
    return found[1].decode().lower() if found else None


class _Downloader:
    """Writes a URL to a file; the form that pooch calls."""

    def __init__(self, max_bytes, verified):
        self.max_bytes, self.verified = max_bytes, verified
        self._version = None  # of the file on the server, from its first answer

    def __call__(self, url, output_file, pooch=None):
        path, reason = pathlib.Path(output_file), None
        path.write_bytes(b"")
        name = os.path.basename(urlsplit(url).path)
        interval = 0.1 if sys.stderr.isatty() else 10
        with tqdm(desc=name, unit="B", unit_scale=True, delay=0.5, mininterval=interval) as bar:
            for attempt in range(_ATTEMPTS):
                time.sleep(attempt and 2 ** (attempt - 2))
                try:
                    if self._continue(url, path, bar):
                        return
                    reason = "the connection was closed before the end"
                except OSError as error:  # that of requests are OSErrors, too
                    reason = str(error)
        raise DownloadError(f"cannot download {url}: {reason}")

    def _continue(self, url, path, bar):
        """Appends what is missing of a file; returns whether it is complete."""
        import requests

        done = path.stat().st_size
        headers = {"Accept-Encoding": "identity"}
        if done and self._version:
            headers |= {"Range": f"bytes={done}-", "If-Range": self._version}
        with requests.get(url, headers=headers, timeout=_TIMEOUT, stream=True) as answer:
            if not answer.ok:
                if answer.status_code < 500:
                    raise DownloadError(f"cannot download {url}: {answer.status_code} {answer.reason}")
                raise OSError(f"{answer.status_code} {answer.reason}")
            self._check_protection(answer.url)
            done = done if answer.status_code == 206 else 0
            tag = answer.headers.get("ETag", "W/")
            self._version = answer.headers.get("Last-Modified") if tag.startswith("W/") else tag
            length = answer.headers.get("Content-Length", "")
            total = done + int(length) if length.isdecimal() else None
            self._check_size(url, total or 0)
            bar.total, bar.n = total, done
            with open(path, "r+b") as file:
                file.truncate(done)
                file.seek(done)
                for block in answer.iter_content(_BLOCK):
                    done += len(block)
                    self._check_size(url, done)
                    file.write(block)
                    bar.update(len(block))
            return total is None or done == total

    def _check_protection(self, url):
        if not (self.verified or url.startswith("https://")):  # after a redirection
            raise DownloadError(f"{url} is not protected: add #sha256= and the file's SHA-256 to the address")

    def _check_size(self, url, size):
        if size > self.max_bytes:
            raise DownloadError(f"{url} has more than {self.max_bytes / 1e6:.0f} MB, which is not what it should be")
