"""How sound files of each kind are opened."""

from __future__ import annotations

import functools
import logging
import struct
from typing import Callable, Dict

from aac_tf.audio import kinds
from aac_tf.audio.backends import OnHost
from aac_tf.audio.errors import Unusable
from aac_tf.audio.ffmpeg import open_ffmpeg
from aac_tf.audio.flac import FLAC_START, FLAC_START_BYTES, INFO_BYTES, TAIL_BYTES, flac_length, with_length
from aac_tf.audio.libsndfile import CannotOpen, in_memory, open_pieces, spliced, whole
from aac_tf.audio.mp3 import after_id3, is_mp3, mp3_pieces
from aac_tf.audio.ogg import ogg_streams
from aac_tf.audio.source import Source
from aac_tf.audio.wav import FORMAT_BYTES, HEADER_BYTES, find_chunks, wav_layout

logger = logging.getLogger(__name__)

_MP3_PROBE = 2**17
_SCAN_BYTES = 2**24
_MAX_DATA = 0xFFFFFFFF
_OPEN_SIZE = 0x7FFFF000  # encoders that write to a pipe leave a size of at least this
_MAX_CHUNKS = 4096


def open_sound(path):
    """Opens a sound file of any kind.

    Args:
        path: see `Source`.

    Returns:
        `Stream`.

    Raises:
        Unusable: if the file cannot be used.
    """
    source = Source(path)
    kind = _kind(source)
    if kind is None:
        return _open_unknown(source)
    if kind not in _READERS and not kind.demuxer:
        raise Unusable(f"{kind.name}, not a sound" + (f": {kind.advice}" if kind.advice else ""))
    try:
        return _READERS[kind](source) if kind in _READERS else open_ffmpeg(source, kind)
    except CannotOpen:
        return open_ffmpeg(source, kind)


def _kind(source):
    """The `Kind` of a file, None if it is unknown."""
    start = after_id3(source.head)
    head = source.head[start:]
    if start:
        with source.open() as file:
            file.seek(start)
            head = file.read(kinds.HEAD_BYTES)
    kind = kinds.recognize(head)
    if kind is None or kind in (kinds.AAC, kinds.MP2, kinds.TRANSPORT):  # their signatures are short
        with source.open() as file:
            if is_mp3(file.read(start + _MP3_PROBE)):
                return kinds.MP3
    return kind


def _open_unknown(source):
    """Libsndfile knows more formats than `kinds`."""
    try:
        return open_pieces("sound", [whole(source)], "stated")
    except CannotOpen as error:
        raise Unusable("not a sound file, or one of an unknown format") from error


def _open_wav(source, order="<"):
    """Opens a WAV file, whose sizes are checked, since libsndfile reads truncated files without an error."""
    with source.open() as file:

        def read_header(position):
            file.seek(position)
            return struct.unpack(f"{order}4sI", file.read(8))

        def read_at(position, count):
            file.seek(position)
            return file.read(count)

        format_start, data_start, data_size, end = find_chunks(read_header, 12, source.size)
        header, form = read_at(0, HEADER_BYTES), read_at(format_start, FORMAT_BYTES).ljust(FORMAT_BYTES, b"\0")
        if order == ">":
            header, form = _in_order(header, form)
        found = format_start, data_start, data_size, source.size
        layout = wav_layout(header, form, *found, OnHost, all_encodings=True)
        if layout.reason:
            raise Unusable(layout.reason)
        stretches = [(layout.start, layout.size)]
        if layout.size == data_size - data_size % layout.block:  # otherwise the samples go on to the end of the file
            stretches += _further_data(read_header, end, source.size)
        form_chunk = read_at(format_start - 8, 8 + read_header(format_start - 8)[1])
    if layout.warning:
        logger.warning("%s: %s", source.name, layout.warning)
    size = sum(size for _, size in stretches)
    samples = size // layout.block if layout.encoding >= 0 else "stated"
    if len(stretches) == 1 and not layout.warning:
        stream = open_pieces("WAV", [whole(source)], "stated")
        if samples in ("stated", stream.samples):
            return stream
    size = min(size, _MAX_DATA)
    head = header[:4].replace(b"RF64", b"RIFF") + struct.pack(f"{order}I", _MAX_DATA) + b"WAVE" + form_chunk
    head += b"data" + struct.pack(f"{order}I", size)
    return open_pieces("WAV", [spliced(source, [head, *stretches])], samples)


def _in_order(header, form):
    """The header and format of a big-endian WAV file as those of a little-endian one."""
    fields = struct.unpack(">HHIIHHHHIH", form)
    return b"RIFF" + header[7:3:-1] + header[8:], struct.pack("<HHIIHHHHIH", *fields)


def _further_data(read_header, position, total):
    """(start, size) of the data chunks after the first."""
    found = []
    while position < total:
        _, start, size, position = find_chunks(read_header, position, total)
        if start:
            found.append((start, size))
        if start + size > total:
            raise Unusable(f"truncated: expected {size} bytes of audio, found {total - start}")
    return found


def _open_flac(source):
    """Opens one or more FLAC files that were joined; libsndfile reads only the first."""
    starts, pieces, total = _flac_starts(source), [], 0
    for start, end in zip(starts, [*starts[1:], source.size]):
        with source.open() as file:
            file.seek(start)
            info = file.read(INFO_BYTES)
            parts = [(start, end - start)]
            if not flac_length(info):
                tail_start = max(end - TAIL_BYTES, start)
                file.seek(tail_start)
                info = with_length(info, file.read(end - tail_start))
                parts = [info, (start + INFO_BYTES, end - start - INFO_BYTES)]
        pieces.append(whole(source) if len(starts) == 1 and len(parts) == 1 else spliced(source, parts))
        total += flac_length(info)
    return open_pieces("FLAC", pieces, total)


def _flac_starts(source):
    """Offsets of the FLAC streams of a file."""
    starts, held = [after_id3(source.head)], b""
    with source.open() as file:
        file.seek(starts[0] + 1)
        while data := file.read(_SCAN_BYTES):
            held, base = held + data, file.tell() - len(held) - len(data)
            starts += [base + match.start() for match in FLAC_START.finditer(held)]
            held = held[1 - FLAC_START_BYTES :]
    return starts


def _open_ogg(source):
    whole_file, pieces = source.read(), []
    for stream in ogg_streams(whole_file):
        contents = stream.contents
        if stream.codec == "FLAC":
            contents = with_length(contents[:INFO_BYTES], contents, stream.granule) + contents[INFO_BYTES:]
        pieces.append(_piece(source, contents, whole_file))
    return open_pieces("Ogg", pieces)


def _open_mp3(source):
    whole_file = source.read()
    return open_pieces("MP3", [_piece(source, piece, whole_file) for piece in mp3_pieces(whole_file)])


def _piece(source, contents, whole_file):
    # A file in memory is read by calls to Python, which wait for its lock.
    return whole(source) if contents is whole_file and source.local is not None else in_memory(contents)


def _open_sized(source, kind, size):
    """Opens a file of a kind whose header states the size: `size(head, file)`, None if it is left open."""
    try:
        with source.open() as file:
            stated = size(source.head, file)
    except struct.error as error:
        raise Unusable(f"truncated {kind.name} file: its header is incomplete") from error
    if stated is not None and stated > source.size:
        raise Unusable(f"truncated {kind.name} file: expected {stated} bytes, found {source.size}")
    return open_pieces(kind.name, [whole(source)], "stated")


def _aiff_size(head, file):
    return _unless_open(struct.unpack(">I", head[4:8])[0], 8)


def _au_size(head, file):
    start, size = struct.unpack(">II", head[4:12])
    return _unless_open(size, start)


def _wave64_size(head, file):
    return struct.unpack("<Q", head[16:24])[0]


def _caf_size(head, file):
    position = 8
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(12)
        if len(header) < 12:
            break
        kind, size = struct.unpack(">4sq", header)
        if size < 0:  # up to the end of the file
            return None
        position += 12 + size
        if kind == b"data":
            return position
    raise Unusable("damaged CAF file: it has no data chunk")


def _unless_open(size, start):
    return None if size == 0 or size >= _OPEN_SIZE else start + size


_READERS: Dict[kinds.Kind, Callable] = {
    kinds.WAV: _open_wav,
    kinds.RIFX: functools.partial(_open_wav, order=">"),
    kinds.FLAC: _open_flac,
    kinds.OGG: _open_ogg,
    kinds.MP3: _open_mp3,
    **{
        kind: functools.partial(_open_sized, kind=kind, size=size)
        for kind, size in (
            (kinds.AIFF, _aiff_size),
            (kinds.AU, _au_size),
            (kinds.W64, _wave64_size),
            (kinds.CAF, _caf_size),
        )
    },
}
