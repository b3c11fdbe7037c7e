"""The pages of Ogg files: whether they are complete, and their streams."""

from __future__ import annotations

import collections
import struct

from aac_tf.audio.errors import Unusable

# First bytes of a stream. A file with pictures or video has more streams.
CODECS = {
    b"\x01vorbis": "Vorbis",
    b"OpusHead": "Opus",
    b"\x7fFLAC": "FLAC",
    b"Speex   ": "Speex",
}
_FIRST, _LAST = 2, 4
_FLAC_HEADER_BYTES = 9  # before the native stream in its first packet

OggStream = collections.namedtuple("OggStream", "codec contents granule")


def ogg_streams(contents):
    """Splits an Ogg file into its streams of sound; libsndfile reads only the first.

    Args:
        contents: bytes of the file.

    Returns:
        list of `OggStream`, in the order in which they sound: `codec`, a value of `CODECS`; `contents`, bytes of an Ogg
        file with this stream only, or of a native FLAC file; `granule`, int, the position at its end.

    Raises:
        Unusable: if the file is truncated or has no sound that `CODECS` names.

    Reference:
        RFC 3533, https://www.rfc-editor.org/rfc/rfc3533#section-6
    """
    pages, cut = _pages(contents)
    streams = {}
    for page in pages:
        if page.flags & _FIRST:
            streams[page.serial, page.start] = [page]
            current = {key[0]: key for key in streams}
        elif page.serial in (current if streams else ()):
            streams[current[page.serial]].append(page)
    found = []
    for parts in streams.values():
        start = contents[parts[0].body : parts[0].body + 8]
        codec = next((name for magic, name in CODECS.items() if start.startswith(magic)), None)
        if codec is None:
            continue
        if cut or not parts[-1].flags & _LAST:
            raise Unusable("truncated Ogg file: its last page is missing or incomplete")
        if codec == "FLAC":
            stream = b"".join(contents[page.body : page.end] for page in parts)[_FLAC_HEADER_BYTES:]
        elif len(pages) == len(parts):
            stream = contents
        else:
            stream = b"".join(contents[page.start : page.end] for page in parts)
        found.append(OggStream(codec, stream, parts[-1].granule))
    if not found:
        raise Unusable("an Ogg file without Vorbis, Opus or FLAC")
    return found


_Page = collections.namedtuple("_Page", "start flags granule serial body end")


def _pages(contents):
    """(list of `_Page`, whether the last one is incomplete)."""
    pages, position, total = [], contents.find(b"OggS\0"), len(contents)
    while position >= 0:
        if position + 27 > total:
            return pages, True
        flags, granule, serial = struct.unpack_from("<BqI", contents, position + 5)
        body = position + 27 + contents[position + 26]
        end = body + sum(contents[position + 27 : body])
        if end > total:
            return pages, True
        pages.append(_Page(position, flags, granule, serial, body, end))
        # Usually the next page follows at once; a tag or other bytes may be appended to the file.
        position = contents.find(b"OggS\0", end)
    return pages, False
