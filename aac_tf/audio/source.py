"""The bytes of a sound file: in a local file, in a remote one that `tf.io.gfile` reads, or in standard input."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import stat
import sys
import tempfile

import tensorflow as tf

from aac_tf.audio.errors import Unusable, error_reason
from aac_tf.audio.kinds import HEAD_BYTES
from aac_tf.utils.files import FileSystemError, file_path

MAX_CONTENTS = 2**31
STANDARD_INPUT = "-"


class Source:
    """A sound file as bytes.

    Args:
        path: str or path-like; "-" is standard input, which is read once and kept.

    Attributes:
        name: str.
        size: int, bytes.
        head: bytes, the first of the file.

    Raises:
        Unusable: if there is no such file, or it is a directory, device or pipe, empty, or not readable.
    """

    def __init__(self, path):
        self.name = os.fspath(path)
        if isinstance(self.name, bytes):
            self.name = os.fsdecode(self.name)
        self.local = self._copy = None
        with self._readable():
            if self.name == STANDARD_INPUT:
                self._copy = _standard_input()
            elif "://" in self.name:
                self._copy = _fetched(self.name)
            else:
                # Before opening: opening a pipe waits for a writer, and a device has no end.
                mode = os.stat(self.name).st_mode
                if stat.S_ISDIR(mode):
                    raise Unusable("a directory, not a file")
                if not stat.S_ISREG(mode):
                    raise Unusable("not a regular file")
                self.local = self.name
        with self.open() as file:
            self.size = file.seek(0, os.SEEK_END)
            file.seek(0)
            self.head = file.read(HEAD_BYTES)
        if not self.size:
            raise Unusable("the file is empty")

    @contextlib.contextmanager
    def open(self):
        """Opens the bytes from the start, as a binary file in a context."""
        with self._readable():
            if self.local is None:
                self._copy.seek(0)
                yield self._copy
            else:
                with open(self.local, "rb") as file:
                    yield file

    def read(self):
        """All bytes of a compressed file.

        Raises:
            Unusable: if there are 2 GB or more.
        """
        if self.size >= MAX_CONTENTS:
            raise Unusable("larger than 2 GB, which compressed files must not be: split it")
        with self.open() as file:
            return file.read(MAX_CONTENTS)

    @staticmethod
    @contextlib.contextmanager
    def _readable():
        try:
            yield
        except Unusable:
            raise
        except OSError as error:
            raise Unusable(_REASONS.get(type(error)) or error.strerror or str(error)) from error
        except tf.errors.OpError as error:
            raise Unusable(error_reason(error.message)) from error
        except UnicodeEncodeError as error:
            raise Unusable("its name is not UTF-8") from error
        except FileSystemError as error:
            raise Unusable(str(error).partition(": ")[2]) from error  # our messages begin with the name
        except ValueError as error:
            raise Unusable(str(error)) from error  # a name with a zero byte


_REASONS = {
    FileNotFoundError: "no such file",
    PermissionError: "permission denied",
    NotADirectoryError: "no such file",
}


@functools.lru_cache(maxsize=1)
def read_standard_input():
    """The bytes of standard input, up to `MAX_CONTENTS`, which are read once."""
    return sys.stdin.buffer.read(MAX_CONTENTS)


def _standard_input():
    contents = read_standard_input()
    if len(contents) == MAX_CONTENTS:
        raise Unusable("standard input of 2 GB or more: write it to a file")
    return io.BytesIO(contents)


def _fetched(name):
    """A temporary copy: readers seek, which is slow in remote files."""
    path = file_path(name)
    if path.stat().is_directory:
        raise Unusable("a directory, not a file")
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - it lasts as long as the source
    path.read_into(copy)
    return copy


class Spliced(io.RawIOBase):
    """Pieces of a file and other bytes, read as one file.

    Args:
        file: seekable binary file.
        pieces: list of bytes, and of (start, size) of stretches of the file.
    """

    def __init__(self, file, pieces):
        super().__init__()
        self._file, self._pieces, self._position = file, [], 0
        self._size = 0
        for piece in pieces:
            size = len(piece) if isinstance(piece, bytes) else piece[1]
            self._pieces.append((self._size, self._size + size, piece))
            self._size += size

    def readable(self):
        """True."""
        return True

    def seekable(self):
        """True."""
        return True

    def tell(self):
        """The offset of the next byte."""
        return self._position

    def seek(self, offset, whence=os.SEEK_SET):
        """See `io.IOBase.seek`; -1 for an offset before the start, since decoders print exceptions of their files."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            return -1
        self._position = base + offset
        return self._position

    def readinto(self, buffer):
        """See `io.RawIOBase.readinto`."""
        count = 0
        for start, stop, piece in self._pieces:
            if start <= self._position < stop and count < len(buffer):
                first, size = self._position - start, min(stop - self._position, len(buffer) - count)
                if isinstance(piece, bytes):
                    data = piece[first : first + size]
                else:
                    self._file.seek(piece[0] + first)
                    data = self._file.read(size)
                buffer[count : count + len(data)] = data
                count, self._position = count + len(data), self._position + len(data)
        return count
