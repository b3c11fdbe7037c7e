"""Kinds of files, recognized by their first bytes: those that contain sound, and those found in its place."""

from __future__ import annotations

import dataclasses

HEAD_BYTES = 512


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: str, how to call it.
        demuxer: str, FFmpeg's name of the format; empty if FFmpeg does not read it as sound.
        advice: str, what to do about it, for a file without sound.
    """

    name: str
    demuxer: str = ""
    advice: str = ""


WAV, RIFX = Kind("WAV", "wav"), Kind("big-endian WAV")
FLAC, OGG = Kind("FLAC", "flac"), Kind("Ogg", "ogg")
AIFF, AU = Kind("AIFF", "aiff"), Kind("AU", "au")
W64, CAF = Kind("Wave64", "w64"), Kind("CAF", "caf")
MP3, MP2 = Kind("MP3", "mp3"), Kind("MP2", "mp3")
AAC = Kind("AAC", "aac")
TRANSPORT = Kind("MPEG transport stream", "mpegts")
_MP4 = Kind("M4A or MP4", "mov")
_WEB_PAGE = Kind("a web page (HTML)", advice="the download failed")

_TRANSPORT_PACKET, _TRANSPORT_BYTES = 188, 377  # every packet starts with the letter G

# (offset, bytes, kind); the first match counts.
_SIGNATURES = (
    (8, b"AVI ", Kind("AVI", "avi")),
    (0, b"RIFF", WAV),
    (0, b"RF64", WAV),
    (0, b"RIFX", RIFX),
    (0, b"riff\x2e\x91\xcf\x11", W64),
    (0, b"fLaC", FLAC),
    (0, b"OggS", OGG),
    (0, b"FORM", AIFF),
    (0, b".snd", AU),
    (0, b"caff", CAF),
    (4, b"ftyp", _MP4),
    (4, b"moov", _MP4),
    (4, b"mdat", _MP4),
    (0, b"\x1a\x45\xdf\xa3", Kind("WebM or Matroska", "matroska")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("WMA", "asf")),
    (0, b"#!AMR", Kind("AMR", "amr")),
    (0, b"\xff\xf1", AAC),
    (0, b"\xff\xf9", AAC),
    (0, b"ADIF", AAC),
    *((0, bytes([0xFF, second]), MP2) for second in (0xFD, 0xFC, 0xF5, 0xF4)),
    (0, b"\x0b\x77", Kind("AC-3", "ac3")),
    (0, b"\x7f\xfe\x80\x01", Kind("DTS", "dts")),
    (0, b"FLV\x01", Kind("FLV", "flv")),
    (0, b"wvpk", Kind("WavPack", "wv")),
    (0, b"MAC ", Kind("Monkey's Audio", "ape")),
    (0, b"TTA1", Kind("True Audio", "tta")),
    (0, b"DSD ", Kind("DSF", "dsf")),
    (0, b"MPCK", Kind("Musepack", "mpc8")),
    (0, b"MP+", Kind("Musepack", "mpc")),
    (0, b"\x00\x00\x01\xba", Kind("MPEG program stream", "mpeg")),
    (0, b"version https://git-lfs", Kind("a Git LFS pointer", advice="git lfs pull fetches the sound")),
    (0, b"MThd", Kind("MIDI", advice="it contains notes, not sound")),
    (0, b"%PDF", Kind("a PDF file")),
    (0, b"PK\x03\x04", Kind("a ZIP archive", advice="unpack it")),
    (0, b"\x1f\x8b", Kind("a gzip archive", advice="unpack it")),
    (0, b"\x89PNG", Kind("a PNG image")),
    (0, b"\xff\xd8\xff", Kind("a JPEG image")),
    (0, b"GIF8", Kind("a GIF image")),
)
_PAGE_STARTS = (b"<!doctype html", b"<html", b"<head", b"<?xml")


def recognize(head):
    """The `Kind` of a file.

    Args:
        head: bytes, the first `HEAD_BYTES` of the file, without ID3 tags.

    Returns:
        `Kind`, or None if it is unknown; MP3 files have no signature.
    """
    for offset, signature, kind in _SIGNATURES:
        if head.startswith(signature, offset):
            return kind
    if head[:_TRANSPORT_BYTES:_TRANSPORT_PACKET] == b"GGG":
        return TRANSPORT
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return _WEB_PAGE if text.startswith(_PAGE_STARTS) else None
