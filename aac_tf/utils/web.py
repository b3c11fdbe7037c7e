"""Files of web servers."""

import contextlib
import email.utils
import errno
import http.client
import shutil
import urllib.error
import urllib.parse
import urllib.request

from aac_tf.utils.remote import PIECE, RemotePath, RemoteStatus


class WebPath(RemotePath):
    """A URL of a web server, which can only be read.

    Web servers have no folders: a URL that ends with `/` counts as one, which is empty when it is listed. Names are
    quoted. This needs no file system of TensorFlow.
    """

    def __truediv__(self, name):
        return super().__truediv__(urllib.parse.quote(str(name)))

    @property
    def name(self):
        """The last part of the path."""
        return urllib.parse.unquote(super().name)

    @property
    def parent(self):
        """The folder that it is in."""
        return WebPath(f"{super().parent}/")

    def is_file(self):
        """Whether there is such a file."""
        try:
            return not self.url.endswith("/") and bool(self.stat())
        except FileNotFoundError:
            return False

    def is_dir(self):
        """Whether the URL ends with `/`."""
        return self.url.endswith("/")

    def iterdir(self):
        """Lists nothing."""
        return []

    def stat(self):
        """Size and time, as `RemoteStatus`; -1 and 0 if the server does not tell."""
        with self._opened("HEAD") as answer:
            size, changed = answer.headers.get("Content-Length", -1), answer.headers.get("Last-Modified")
        changed = email.utils.parsedate_to_datetime(changed).timestamp() if changed else 0
        return RemoteStatus(int(size), int(changed * 1e9))

    def read_into(self, target):
        """Writes the contents to a local binary file."""
        with self._opened() as answer:
            shutil.copyfileobj(answer, target, PIECE)

    def mkdir(self, parents=False, exist_ok=False):
        """Raises `OSError`."""
        raise OSError(errno.EROFS, "files of web servers cannot be written", self.url)

    def unlink(self):
        """Raises `OSError`."""
        self.mkdir()

    def upload(self, path):
        """Raises `OSError`."""
        self.mkdir()

    @contextlib.contextmanager
    def _opened(self, method="GET"):
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url, method=method), timeout=60) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            code = {404: errno.ENOENT, 410: errno.ENOENT, 401: errno.EACCES, 403: errno.EACCES}
            reason = f"the server answers {error.code} {error.reason}"
            raise OSError(code.get(error.code, errno.EIO), reason, self.url) from error
        except (urllib.error.URLError, http.client.HTTPException) as error:
            raise OSError(errno.EIO, str(getattr(error, "reason", error)), self.url) from error
