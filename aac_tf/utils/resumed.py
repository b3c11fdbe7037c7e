"""Downloads that continue where they were interrupted, also in another process."""

import os
import re
import sys
import time
from urllib.parse import unquote, urlsplit

from tqdm import tqdm

from aac_tf.errors import AacError
from aac_tf.utils.atomic import WriteError, check_space, writing

_ATTEMPTS = 4
TIMEOUT = (15, 60)  # seconds to connect, and between two parts of the answer
_BLOCK = 1 << 16


class DownloadError(AacError, RuntimeError):
    """A file could not be downloaded, or is not the expected one."""


class ChecksumError(DownloadError):
    """A file that was downloaded has another checksum than expected."""


class ResumedDownload:
    """A downloader for pooch that keeps what arrived of an interrupted download, and continues it.

    The version on the server that a partial file belongs to is in a file beside it. Only one process at a time may use
    the same partial file.

    Args:
        part: `pathlib.Path` of the partial file.
        max_bytes: int, size at which the download is given up; None for no limit.
        verified: bool, whether the checksum of the result will be checked. Otherwise only `https://` is used, and only
            a known version is continued.

    Raises:
        DownloadError: if the file cannot be downloaded, or is too large.
        WriteError: if the disk is full.
    """

    def __init__(self, part, max_bytes, verified):
        self.part, self.max_bytes, self.verified = part, max_bytes, verified
        self._version_file = part.with_name(f"{part.name}.version")

    def __call__(self, url, output_file, pooch=None):
        """Downloads a URL to a file."""
        reason, name = "", file_name(url)
        interval = 0.1 if sys.stderr.isatty() else 10
        with tqdm(desc=name, unit="B", unit_scale=True, delay=2, mininterval=interval) as bar:
            for attempt in range(_ATTEMPTS):
                time.sleep(attempt and 2 ** (attempt - 2))
                try:
                    if self._continue(url, bar):
                        os.replace(self.part, output_file)
                        self._version_file.unlink(missing_ok=True)
                        return
                    reason = "the connection was closed before the end"
                except WriteError:
                    raise
                except OSError as error:  # those of requests are OSErrors, too
                    reason = _reason(error)
        raise DownloadError(f"cannot download {url}: {reason}")

    def _continue(self, url, bar):
        """Appends what is missing of the file; returns whether it is complete."""
        import requests

        done, version = self._done()
        headers = {"Accept-Encoding": "identity"}
        if done:
            # Without a version, only a checksum tells whether both parts are of one file.
            headers |= {"Range": f"bytes={done}-"} | ({"If-Range": version} if version else {})
        with requests.get(url, headers=headers, timeout=TIMEOUT, stream=True) as answer:
            if answer.status_code == 416:  # there is no such part: complete, or another file
                if answer.headers.get("Content-Range") == f"bytes */{done}":
                    return True
                self.part.unlink()
                raise OSError("416 Range Not Satisfiable")
            if not answer.ok:
                if answer.status_code < 500:
                    raise DownloadError(f"cannot download {url}: {answer.status_code} {answer.reason}")
                raise OSError(f"{answer.status_code} {answer.reason}")
            self._check_protection(answer.url)
            done = done if answer.status_code == 206 else 0
            length = answer.headers.get("Content-Length", "")
            total = done + int(length) if length.isdecimal() else None
            self._check_size(url, total or 0)
            with writing(self.part):
                check_space(self.part.parent, (total or done) - done)
                self._version_file.write_text(_version(answer), encoding="utf-8")
                file = open(self.part, "r+b" if done else "wb")  # noqa: SIM115
            bar.total, bar.n = total, done
            with file:
                file.truncate(done)
                file.seek(done)
                for block in answer.iter_content(_BLOCK):
                    done += len(block)
                    self._check_size(url, done)
                    with writing(self.part):
                        file.write(block)
                        file.flush()
                    bar.update(len(block))
            return total is None or done == total

    def _done(self):
        """How many bytes arrived earlier, and of which version of the file (empty if unknown)."""
        version = self._version_file.read_text(encoding="utf-8") if self._version_file.is_file() else ""
        done = self.part.stat().st_size if self.part.is_file() else 0
        return (done if version or self.verified else 0), version

    def _check_protection(self, url):
        if not (self.verified or url.startswith("https://")):  # after a redirection
            raise DownloadError(f"{url} is not protected: add #sha256= and the file's SHA-256 to the address")

    def _check_size(self, url, size):
        if self.max_bytes is not None and size > self.max_bytes:
            raise DownloadError(f"{url} has more than {self.max_bytes / 1e6:.0f} MB, which is not what it should be")


def file_name(url):
    """The name of the file at a URL.

    Example:
        >>> from aac_tf.utils.resumed import file_name
        >>> file_name("https://example.org/files/dog%20barks.wav?download=1")
        'dog barks.wav'
    """
    return os.path.basename(unquote(urlsplit(url).path)) or "file"


def _reason(error):
    """What an error of a connection says, without the objects of requests and urllib3 that it went through."""
    cause = getattr(error.args[0], "reason", error) if error.args else error
    return re.sub(r"^<?[\w.]*HTTPS?Connection(Pool)?\b.*?: ", "", str(cause))


def _version(answer):
    tag = answer.headers.get("ETag", "W/")
    return (answer.headers.get("Last-Modified") or "") if tag.startswith("W/") else tag
