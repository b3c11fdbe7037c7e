"""Samples from a pipe while the sound is going on. Imports no TensorFlow, so that other input is refused at once."""

from __future__ import annotations

import dataclasses
import itertools
import struct
import typing
from collections.abc import Iterator

import numpy as np

from aac_tf.errors import AacError
from aac_tf.utils.counting import counted

_BLOCK_SECONDS = 0.1
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MAX_HEADER = 1 << 20  # bytes before the samples
_MAX_CHUNK = 1 << 24  # bytes of a chunk after the samples, such as a picture
_ENDLESS = (0, 0xFFFFFFFF)  # sizes that programs write when they do not know how many samples there will be
ENCODINGS = {"s16le": "<i2", "s32le": "<i4", "f32le": "<f4"}


class StreamError(AacError, ValueError):
    """A stream that has no samples, or none that can be read."""


@dataclasses.dataclass(frozen=True)
class PCMFormat:
    """How samples are encoded in a stream of bytes.

    Attributes:
        rate: int, Hz.
        encoding: str, one of `ENCODINGS`.
        channels: int, whose mean is taken.
    """

    rate: int
    encoding: str = "s16le"
    channels: int = 1

    def decode(self, contents: bytes) -> np.ndarray:
        """The samples of whole frames, float32 `[samples]` with full scale at 1; those that are not finite are 0."""
        kind = np.dtype(ENCODINGS[self.encoding])
        samples = np.frombuffer(contents, kind).reshape(-1, self.channels)
        if kind.kind == "i":
            return samples.mean(axis=1, dtype=np.float32) / np.float32(np.iinfo(kind).max + 1)
        # Before the mean, so that junk in one channel does not silence the others.
        return np.clip(np.nan_to_num(samples, posinf=0, neginf=0), -10, 10).mean(axis=1, dtype=np.float32)

    @property
    def frame_bytes(self) -> int:
        """Bytes of the samples of all channels at one time."""
        return self.channels * np.dtype(ENCODINGS[self.encoding]).itemsize


def read_stream(file: typing.BinaryIO, form: PCMFormat | None = None) -> tuple[int, Iterator[np.ndarray]]:
    """Reads a stream of samples as they come.

    Args:
        file: unbuffered or buffered binary file, such as `sys.stdin.buffer`.
        form: format of the samples; None reads it from the header of a WAV file at the start of the stream.

    Returns:
        (sample rate in Hz; iterator of float32 arrays `[samples]` with full scale at 1, until the stream ends).

    Raises:
        StreamError: if there are no samples, or the stream does not begin with the header of a WAV file with 16 or
            32-bit samples, or begins with one although the samples should be raw. Several WAV files may follow each
            other; one with another format raises it when its samples are due.

    Example:
        >>> import io
        >>> import numpy as np
        >>> from aac_tf.utils.pcm_stream import PCMFormat, read_stream
        >>> rate, blocks = read_stream(io.BytesIO(np.full(2000, 16384, "<i2").tobytes()), PCMFormat(8000))
        >>> samples = np.concatenate(list(blocks))
        >>> len(samples), float(samples[0])
        (2000, 0.5)
    """
    if form is None:
        samples = _WAVSamples(file)
        form, blocks = samples.form, _blocks(samples.read, samples.form)
    else:
        head = file.read(12)
        if head[:4] == b"RIFF" and head[8:] == b"WAVE":
            raise StreamError("standard input: the samples are not raw, as they begin with a WAV header: omit --raw")
        blocks = _blocks(_reader(file), form, head)
    first = next(blocks, None)
    if first is None:
        raise StreamError("standard input has no samples: pipe a sound into it, see --help")
    return form.rate, itertools.chain([first], blocks)


def _reader(file):
    # `read1` returns what is there, instead of waiting for a whole block.
    return getattr(file, "read1", file.read)


def _blocks(read, form, contents=b""):
    most, rest = max(1, int(_BLOCK_SECONDS * form.rate)) * form.frame_bytes, b""
    while contents := contents or read(most):
        rest += contents
        whole = len(rest) // form.frame_bytes * form.frame_bytes
        if whole:
            yield form.decode(rest[:whole])
        rest, contents = rest[whole:], b""


class _WAVSamples:
    """The bytes of the samples of a WAV stream.

    Args:
        file: binary file.

    Attributes:
        form: `PCMFormat`.
    """

    def __init__(self, file):
        self._file = file
        self._read = _reader(file)
        self._kept = b""
        self._begin(file.read(4))

    def read(self, most):
        """Some of the next bytes, without what follows the samples of a WAV file; none at the end."""
        while self._left == 0 and self._go_on():
            pass
        if self._kept:
            contents, self._kept = self._kept, b""
            return contents
        contents = self._read(most if self._left is None else min(most, self._left))
        if self._left is not None:
            self._left -= len(contents)
        return contents

    def _begin(self, magic):
        self.form, size = _read_header(self._file, magic)
        # A last frame that is not complete would shift those of the next file.
        self._left = None if size in _ENDLESS else size - size % self.form.frame_bytes
        self._skipped = 0 if self._left is None else size + size % 2 - self._left

    def _go_on(self):
        """Skips a chunk after the samples, or begins with the next WAV file; returns whether anything follows."""
        self._skip(self._skipped)
        self._skipped = 0
        head = self._file.read(8)
        if len(head) < 8:
            return False
        name, size = struct.unpack("<4sI", head)
        if name == b"RIFF":
            form = self.form
            self._begin(name + head[4:])
            if self.form != form:
                raise StreamError(f"standard input: a sound with another format follows: {self.form}, not {form}")
        elif all(0x20 <= letter < 0x7F for letter in name) and size <= _MAX_CHUNK:
            self._skip(size + size % 2)
        else:
            self._kept, self._left = head, None  # no chunk: there are more samples than the header says
        return True

    def _skip(self, size):
        while size > 0 and (skipped := self._file.read(min(size, _MAX_HEADER))):
            size -= len(skipped)


def _read_header(file, magic):
    """Reads the header of a WAV file after its first 4 or 8 bytes; returns its format and the size of its samples."""
    if magic[:4] != b"RIFF" or (magic + file.read(12 - len(magic)))[8:] != b"WAVE":
        what = "nothing came" if not magic else f"it begins with {magic!r}"
        raise StreamError(
            f"standard input: expected a WAV stream, but {what}: pipe `ffmpeg -i SOURCE -f wav -`, or say what raw "
            "samples are, as with --raw s16le --rate 16000"
        )
    form = None
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise StreamError("standard input: the WAV stream ends before its samples")
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            if form is None:
                raise StreamError("standard input: the WAV stream has no format before its samples")
            return form, size
        if size > _MAX_HEADER:
            raise StreamError(f"standard input: the WAV stream is damaged: a chunk of {size} bytes before its samples")
        contents = file.read(size + size % 2)
        if name == b"fmt ":
            form = _format(contents)


def _format(contents):
    if len(contents) < 16:
        raise StreamError("standard input: the WAV stream has a damaged format")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", contents[:16])
    if tag == _EXTENSIBLE and len(contents) >= 26:
        (tag,) = struct.unpack("<H", contents[24:26])
    encoding = {(_PCM, 16): "s16le", (_PCM, 32): "s32le", (_FLOAT, 32): "f32le"}.get((tag, bits))
    if encoding is None or not channels or not 1000 <= rate <= 768000:
        raise StreamError(
            f"standard input: expected a WAV stream of 16 or 32-bit samples, got format {tag}, {bits} bits, "
            f"{counted(channels, 'channel')}, {rate} Hz: pipe `ffmpeg -i SOURCE -c:a pcm_s16le -f wav -`"
        )
    return PCMFormat(rate, encoding, channels)
