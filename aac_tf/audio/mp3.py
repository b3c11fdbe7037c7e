"""The frames of MP3 files: whether they are complete, and pieces that a decoder reads to their end."""

from __future__ import annotations

import functools
import struct

from aac_tf.audio.errors import Unusable

_SEARCH = 32768  # the first frame must start within these bytes after a tag
_ID3V1_BYTES = 128
_RESYNC = 2**20  # bytes without frames that are skipped between frames
# Indexed by the 2-bit version field: MPEG 2.5, reserved, MPEG 2, MPEG 1.
_RATES = ((11025, 12000, 8000), None, (22050, 24000, 16000), (44100, 48000, 32000))
_KBITS = (
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    None,
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
)
_MPEG_1, _LAYER_3, _MONO = 3, 1, 3


def mp3_pieces(contents):
    """Splits a file into pieces that libsndfile decodes to their end.

    libsndfile stops after the number of frames that the first frame states, which is that of the first file if several
    were joined; without this number it estimates the length from the first bit rate and stops there.

    Args:
        contents: bytes of the file.

    Returns:
        list of bytes, at least one, each an MP3 file that states its true length; `contents` itself if it is one.

    Raises:
        Unusable: if the file is truncated or not an MP3 file.
    """
    position = _first_frame(contents)
    if position is None:
        raise Unusable("not an MP3 file")
    return [_checked(contents, piece) for piece in _split(contents, position)]


def is_mp3(contents):
    """Whether bytes start with MP3 frames, possibly after a tag or part of a frame."""
    return _first_frame(contents) is not None


def after_id3(contents):
    """Offset of the first byte after ID3v2 tags; 0 without a tag."""
    position = 0
    while contents[position : position + 3] == b"ID3" and len(contents) >= position + 10:
        flags, *size = contents[position + 5 : position + 10]
        position += (
            10 + sum((digit & 127) << shift for digit, shift in zip(size, (21, 14, 7, 0))) + (flags >> 4 & 1) * 10
        )
    return position


@functools.cache
def _frame_kind(second, third):
    """(length in bytes, (version, sample rate)) of a Layer III frame with these second and third bytes, or None."""
    version, layer, kbits, rate = second >> 3 & 3, second >> 1 & 3, third >> 4, third >> 2 & 3
    if second < 0xE0 or version == 1 or layer != _LAYER_3 or not 0 < kbits < 15 or rate == 3:
        return None
    rate = _RATES[version][rate]
    factor = 144000 if version == _MPEG_1 else 72000
    return factor * _KBITS[version][kbits - 1] // rate + (third >> 1 & 1), (version, rate)


def _frame(contents, position):
    if position + 4 > len(contents) or contents[position] != 0xFF:
        return None
    return _frame_kind(contents[position + 1], contents[position + 2])


def _agrees(contents, position):
    """Whether frames follow one another from here on; single sync words occur by chance."""
    frame = _frame(contents, position)
    for _ in range(2):
        if frame is None:
            return False
        position += frame[0]
        following = _frame(contents, position)
        if following is None or following[1] != frame[1]:
            return False
        frame = following
    return True


def _first_frame(contents):
    start = after_id3(contents)
    found = _find_frame(contents, start, _SEARCH)
    if found is None and _frame(contents, start) is not None:
        # One or two frames and nothing else.
        length, kind = _frame(contents, start)
        following = _frame(contents, start + length)
        if start + length + 4 > len(contents) or (following and following[1] == kind):
            return start
    return found


def _find_frame(contents, position, limit):
    last = position + limit
    while True:
        position = contents.find(b"\xff", position, last)
        if position < 0 or _agrees(contents, position):
            return None if position < 0 else position
        position += 1


class _Piece:
    """Neighbouring frames of one kind, after an optional frame that states their number."""

    def __init__(self, start, kind):
        self.start, self.kind, self.frames, self.end, self.cut = start, kind, 0, start, False
        self.info = self.stated = None


def _split(contents, position):
    pieces, total = [], len(contents)
    while position is not None:
        piece = _Piece(position, _frame(contents, position)[1])
        pieces.append(piece)
        position = _walk(contents, position, piece)
        if position < total:
            # Anything may be between two files that were joined, most often tags.
            position = _find_frame(contents, position, _RESYNC + after_id3(contents[position : position + 10]))
        else:
            position = None
    return pieces


def _walk(contents, position, piece):
    """Adds frames to a piece; returns where the next piece may start."""
    total = len(contents)
    while True:
        frame = _frame(contents, position)
        if frame is None or frame[1] != piece.kind:
            return position
        length = frame[0]
        if position + length > total:
            piece.cut = True
            return total
        info, stated = _stated_frames(contents, position, piece.kind)
        if info is not None:
            if position > piece.start:
                return position
            piece.info, piece.stated = info, stated
        else:
            piece.frames += 1
        position += length
        piece.end = position


def _stated_frames(contents, position, kind):
    """(kind, number) of frames that a Xing, Info or VBRI header states; (None, None) for a frame of sound."""
    offset = position + _side_end(kind[0], contents[position + 3])
    mark = contents[offset : offset + 4]
    if mark in (b"Xing", b"Info"):
        has_number = len(contents) >= offset + 12 and contents[offset + 7] & 1
        return mark, struct.unpack_from(">I", contents, offset + 8)[0] if has_number else None
    if contents[position + 36 : position + 40] == b"VBRI" and len(contents) >= position + 54:
        return b"VBRI", struct.unpack_from(">I", contents, position + 50)[0]
    return None, None


def _side_end(version, fourth):
    """Offset of the byte after a frame's side information."""
    mono = fourth >> 6 == _MONO
    return 4 + ((17 if mono else 32) if version == _MPEG_1 else (9 if mono else 17))


def _checked(contents, piece):
    # Some encoders count the frame that states the number, too.
    if piece.stated is not None and piece.frames < piece.stated - (not piece.cut):
        raise Unusable(f"truncated MP3 file: expected {piece.stated} frames, found {piece.frames}")
    # Xing and Info headers of the right number may also say how many samples to cut off.
    if piece.info in (b"Xing", b"Info") and piece.stated is not None and piece.frames <= piece.stated + 1:
        is_all = piece.start == after_id3(contents) and len(contents) - piece.end in (0, _ID3V1_BYTES)
        return contents if is_all else contents[piece.start : piece.end]
    frames = contents[piece.start : piece.end]
    if piece.info is not None:
        frames = frames[_frame(frames, 0)[0] :]
    return _xing_frame(frames, piece) + frames


def _xing_frame(frames, piece):
    """A frame that states the number of frames."""
    if not frames:
        raise Unusable("an MP3 file without sound")
    fourth = frames[3]
    second = frames[1] | 1  # no checksum
    third = next(
        third
        for third in range(0x10 | frames[2] & 0x0C, 0xF0, 0x10)
        if _frame_kind(second, third)[0] >= _side_end(piece.kind[0], fourth) + 12
    )
    header = bytes([0xFF, second, third, fourth]).ljust(_side_end(piece.kind[0], fourth), b"\0")
    return (header + b"Xing" + struct.pack(">II", 1, piece.frames)).ljust(_frame_kind(second, third)[0], b"\0")
