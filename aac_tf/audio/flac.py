"""FLAC streams checked in the graph before tensorflow-io decodes them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from aac_tf.audio.wav import plausible_rate, read_bytes, require

_CRC_POLYNOMIAL = 0x18005  # x^16 + x^15 + x^2 + 1
_MAX_METADATA_BLOCKS = 4096
# Bit depths that tensorflow-io decodes, and the types it gives them in.
FLAC_DTYPES = {8: tf.uint8, 16: tf.int16, 24: tf.int32}


def check_flac(contents, start):
    """Read the header of a FLAC file and make sure that all of its frames are whole.

    tensorflow-io does not notice what is missing: it waits for it in an endless loop, and it fills damaged frames with
    silence. Every frame ends with a CRC that brings the checksum back to zero, so one checksum over all frames tells
    whether each of them is sound. A frame that claims to lie far beyond the end is then appended: tensorflow-io never
    gets there in a complete file, and stops with an error in one that ends too early between two frames.

    Args:
      contents: Bytes of the file, a scalar string tensor.
      start: Offset of the "fLaC" mark, an int64 scalar.

    Returns:
      (contents to decode, a string scalar; sample rate in Hz, an int32 scalar; bits a sample, an int64 scalar).

    Raises:
      tf.errors.InvalidArgumentError: The file is damaged, truncated or of a kind that tensorflow-io cannot decode.

    Reference:
      RFC 9639, https://www.rfc-editor.org/rfc/rfc9639
    """
    # STREAMINFO comes first; its sample rate starts 18 bytes into the stream.
    info = tf.cast(read_bytes(contents, start + 18, 8), tf.int64)
    rate = info[0] * 2**12 + info[1] * 2**4 + info[2] // 2**4
    bits = info[2] % 2 * 2**4 + info[3] // 2**4 + 1
    samples = info[3] % 2**4 * 2**32 + tf.reduce_sum(info[4:] * [2**24, 2**16, 2**8, 1])
    first, last = _frames_start(contents, start), _frames_end(contents)
    frames = tf.strings.substr(contents, tf.minimum(first, last), tf.maximum(last - first, 0))
    supported = tf.reduce_any(bits == list(FLAC_DTYPES))
    checks = require(
        plausible_rate(rate),
        (supported, tf.strings.join(["FLAC with ", tf.strings.as_string(bits), " bits a sample is not supported"])),
        # tensorflow-io gives no samples at all for such a file.
        (samples > 0, "the FLAC header does not say how many samples there are: encode the file again"),
        ((first < last) & tf.equal(_checksum(frames), 0), "truncated or damaged FLAC file"),
    )
    with tf.control_dependencies(checks):
        contents = tf.strings.join([tf.strings.substr(contents, tf.constant(0, tf.int64), last), _far_frame()])
    return contents, tf.cast(rate, tf.int32), bits


def _frames_start(contents, start):
    """Offset of the first frame: the end of the metadata blocks."""

    def step(position, _):
        header = tf.cast(read_bytes(contents, position, 4), tf.int64)
        return position + 4 + tf.reduce_sum(header[1:] * [2**16, 2**8, 1]), header[0] >= 128

    return tf.while_loop(
        lambda _, last: tf.logical_not(last), step, (start + 4, False), maximum_iterations=_MAX_METADATA_BLOCKS
    )[0]


def _frames_end(contents):
    """Offset of the end of the last frame: the file's end or that of the ID3v1 tag which some programs append."""
    total = tf.cast(tf.strings.length(contents), tf.int64)
    tag_start = tf.maximum(total - 128, 0)
    return tf.where(tf.reduce_all(read_bytes(contents, tag_start, 3) == list(b"TAG")), tag_start, total)


def _checksum(data):
    """CRC-16 of a string scalar, 0 if frames and their own CRCs are all that it holds.

    A byte-by-byte loop would take seconds, so neighbours are joined in a tree: the remainder of two equal stretches is
    the first one's times x to the length of the second, plus the second one's.
    """
    # Zeros in front change no remainder.
    data = tf.strings.join([tf.where(tf.strings.length(data) % 2 == 1, "\0", ""), data])
    words = tf.cast(tf.io.decode_raw(data, tf.uint16, little_endian=False), tf.int32)
    tables = tf.constant(_shift_tables())

    def join(level, words):
        words = tf.reshape(tf.pad(words, [[tf.size(words) % 2, 0]]), [-1, 2])
        first, second = words[:, 0], words[:, 1]
        shifted = tf.bitwise.bitwise_xor(
            tf.gather(tables[level, 0], first // 256), tf.gather(tables[level, 1], first % 256)
        )
        return level + 1, tf.bitwise.bitwise_xor(shifted, second)

    _, words = tf.while_loop(
        lambda _, words: tf.size(words) > 1,
        join,
        (tf.constant(0), words),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None])),
    )
    return tf.reduce_sum(words)


def _remainder(values):
    """Polynomials over GF(2) of degree below 32, as bits of an int64 array, modulo the CRC's polynomial."""
    values = np.asarray(values, np.int64)
    for bit in range(31, 15, -1):
        values = np.where(values >> bit & 1, values ^ (_CRC_POLYNOMIAL << (bit - 16)), values)
    return values


def _product(values, factor):
    total = np.zeros_like(values)
    for bit in range(16):
        if factor >> bit & 1:
            total ^= values << bit
    return _remainder(total)


def _shift_tables():
    """int32 [level, high or low byte, byte]: that byte of a word times x to the power of 16 * 2^level."""
    byte = np.arange(256, dtype=np.int64)
    factor, tables = int(_remainder(2**16)), []
    for _ in range(31):
        tables.append([_product(byte << 8, factor), _product(byte, factor)])
        factor = int(_product(np.int64(factor), factor))
    return np.array(tables, np.int32)


def _far_frame():
    """A mono frame of 16 zeros whose first sample is number 2^35."""
    header = bytes([0xFF, 0xF9, 0x60, 0x08, 0xFE, 0xA0, 0x80, 0x80, 0x80, 0x80, 0x80, 15])
    crc8 = 0
    for byte in header:
        crc8 ^= byte
        for _ in range(8):
            crc8 = (crc8 << 1 ^ (0x107 if crc8 & 0x80 else 0)) & 0x1FF
    frame = header + bytes([crc8, 0, 0, 0])  # a constant subframe: type, then its one 16-bit value
    crc16 = 0
    for byte in frame:
        crc16 = int(_remainder(crc16 << 8 ^ byte << 16))
    return frame + crc16.to_bytes(2, "big")
