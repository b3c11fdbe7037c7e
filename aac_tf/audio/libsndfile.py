"""Decoding with libsndfile, in order and in bounded parts."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import typing

import numpy as np
import soundfile

from aac_tf.audio.backends import OnHost
from aac_tf.audio.checks import plausible_rate
from aac_tf.audio.errors import Unusable
from aac_tf.audio.source import Spliced

BLOCK_VALUES = 2**21
_INT16_UNIT = np.float32(2.0**-15)


@dataclasses.dataclass
class Stream:
    """A sound that can be decoded.

    Attributes:
        sample_rate: int, Hz.
        samples: int, samples of one channel; None if only decoding tells.
        blocks: function without arguments that decodes the sound from start to end: an iterator of float32 numpy arrays
            `[samples, channels]` of at most `BLOCK_VALUES` values, with full scale at 1.
    """

    sample_rate: int
    samples: typing.Optional[int]
    blocks: typing.Callable


class CannotOpen(Unusable):
    """libsndfile does not know the format or encoding."""


class _InOrder(soundfile.SoundFile):
    def seekable(self):
        # soundfile would seek after every read, after which Ogg files give other samples.
        return False


def open_pieces(name, pieces, samples=None):
    """Opens one or more files that sound one after another.

    Args:
        name: str, how to call the format in errors.
        pieces: list of functions without arguments that return a context of a file for soundfile.
        samples: int, samples of one channel, if known; "stated" takes the number that the header states.

    Returns:
        `Stream`.

    Raises:
        CannotOpen: if libsndfile does not open a piece.
        Unusable: if the sample rates of the pieces differ or are not plausible.
    """
    rates = []
    for piece in pieces:
        with _opened(piece) as file:
            rates.append(file.samplerate)
            if samples == "stated":
                samples = file.frames
    if len(set(rates)) > 1:
        raise Unusable(f"{name} file with parts of different sample rates: {', '.join(map(str, rates))} Hz")
    reason = OnHost.first_reason(plausible_rate(rates[0], OnHost.text))
    if reason:
        raise Unusable(reason)

    def blocks():
        for piece in pieces:
            with _opened(piece) as file:
                size, left = max(BLOCK_VALUES // file.channels, 1), file.frames
                while left > 0:  # reading tags that follow the samples would be an error
                    try:
                        block = _read(file, min(size, left))
                    except soundfile.LibsndfileError as error:
                        raise Unusable(f"truncated or damaged {name} file") from error
                    if not len(block):
                        break
                    left -= len(block)
                    yield block

    return Stream(rates[0], samples, blocks)


def _read(file, count):
    if file.subtype != "PCM_16":
        return file.read(count, "float32", always_2d=True)
    # The same values as libsndfile's own conversion, which is slower.
    return np.multiply(file.read(count, "int16", always_2d=True), _INT16_UNIT, dtype=np.float32)


@contextlib.contextmanager
def _opened(piece):
    with piece() as target:
        try:
            file = _InOrder(target, closefd=False)
        except soundfile.LibsndfileError as error:
            raise CannotOpen(error.error_string) from error
        with file:
            yield file


def in_memory(contents):
    """A piece from the bytes of a file."""
    file = io.BytesIO(contents)

    def piece():
        file.seek(0)
        return contextlib.nullcontext(file)

    return piece


def whole(source):
    """A piece that is a whole `Source`."""

    @contextlib.contextmanager
    def piece():
        with source.open() as file:
            # By its descriptor libsndfile reads without calls to Python, and does not guess the format from the name.
            if source.local is not None and os.name == "posix":
                yield file.fileno()
            else:
                yield Spliced(file, [(0, source.size)])

    return piece


def spliced(source, parts):
    """A piece that joins parts of a `Source` and other bytes, see `Spliced`."""

    @contextlib.contextmanager
    def piece():
        with source.open() as file:
            yield Spliced(file, parts)

    return piece
