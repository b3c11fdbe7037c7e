"""FLAC streams that do not state their length, because an encoder wrote them to a pipe."""

from __future__ import annotations

import re

from aac_tf.audio.errors import Unusable

TAIL_BYTES = 2**20  # a frame is not longer
# "fLaC" and the header of STREAMINFO, with or without the mark of the last block.
FLAC_START, FLAC_START_BYTES = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22"), 8
INFO_BYTES = 42  # "fLaC", a block header and STREAMINFO
_BLOCK_SIZES = {
    1: 192,
    **{code: 576 << (code - 2) for code in range(2, 6)},
    **{c: 256 << (c - 8) for c in range(8, 16)},
}


def flac_length(info):
    """Samples per channel that the first `INFO_BYTES` of a FLAC stream state, 0 if they do not."""
    return int.from_bytes(info[21:26], "big") & (2**36 - 1)


def with_length(info, tail, samples=0):
    """The first bytes of a FLAC stream with its length filled in, without which libsndfile does not read it.

    Args:
        info: bytes, the first `INFO_BYTES` of the stream.
        tail: bytes, its last `TAIL_BYTES`, or all of them.
        samples: int, its samples per channel, if known.

    Returns:
        bytes to replace `info` with.

    Raises:
        Unusable: if the stream has no frames.

    Reference:
        RFC 9639, https://www.rfc-editor.org/rfc/rfc9639
    """
    if not samples:
        block = int.from_bytes(info[8:10], "big")
        samples = max(_frame_ends(tail[-TAIL_BYTES:], block), default=0)
    if not 0 < samples < 2**36:
        raise Unusable("truncated or damaged FLAC file")
    number = int.from_bytes(info[21:26], "big") & ~(2**36 - 1) | samples
    return info[:21] + number.to_bytes(5, "big") + info[26:]


def _frame_ends(tail, block):
    """Yields the sample after each frame that starts in these bytes; a checksum excludes chance matches."""
    position = tail.find(b"\xff")
    while position >= 0:
        if tail[position + 1 : position + 2] in (b"\xf8", b"\xf9"):
            end = _frame_end(tail, position, block)
            if end:
                yield end
        position = tail.find(b"\xff", position + 1)


def _frame_end(tail, start, block):
    """The sample after the frame that starts here; 0 if none does."""
    header = tail[start : start + 17]
    if len(header) < 6:
        return 0
    # The number is coded like UTF-8, in up to seven bytes.
    more = max(0, 8 - (~header[4] & 0xFF).bit_length() - 1) if header[4] >= 0xC0 else 0
    number = header[4] & (0x7F if not more else 0x3F >> more)
    for digit in header[5 : 5 + more]:
        number = number << 6 | digit & 0x3F
    size_code, rate_code = header[2] >> 4, header[2] & 15
    size_bytes = {6: 1, 7: 2}.get(size_code, 0)
    end = 5 + more + size_bytes + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if len(header) <= end or _crc8(header[:end]) != header[end]:
        return 0
    extra = int.from_bytes(header[5 + more : 5 + more + size_bytes], "big") + 1
    size = extra if size_bytes else _BLOCK_SIZES.get(size_code, 0)
    if not size:
        return 0
    return (number if header[1] & 1 else number * block) + size


def _crc8(data):
    remainder = 0
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x107 if remainder & 0x80 else 0)
    return remainder
