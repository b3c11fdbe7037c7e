"""Graph-mode checks of FLAC streams before tensorflow-io decodes them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from aac_tf.audio.checks import plausible_rate, require
from aac_tf.audio.wav import read_bytes

_CRC_POLYNOMIAL = 0x18005  # x^16 + x^15 + x^2 + 1
_MAX_METADATA_BLOCKS = 4096
_MAX_FRAME_BYTES = 2**20  # if the header does not state it
_PART_LEVEL = 22  # checksums are computed in parts of 2^22 words
# Bit depths that tensorflow-io decodes, and the dtypes it returns for them.
FLAC_DTYPES = {8: tf.uint8, 16: tf.int16, 24: tf.int32}


def check_flac(contents, start):
    """Reads the header of a FLAC file and checks that all frames are present and intact.

    tensorflow-io loops forever on missing frames and replaces damaged frames by silence. Every frame ends with a CRC
    that resets the checksum to zero, so one checksum over all frames verifies each of them. Frame headers state which
    samples a frame holds, so the last one shows whether any are missing.

    Args:
        contents: scalar string tensor, bytes of the file.
        start: int64 scalar, offset of the "fLaC" marker.

    Returns:
        `(sample_rate, bits, samples)`: int32 scalar, Hz; int64 scalars, bits per sample and samples per channel.

    Raises:
        tf.errors.InvalidArgumentError: if the file is damaged, truncated or of a kind that tensorflow-io cannot decode.

    Reference:
        RFC 9639, https://www.rfc-editor.org/rfc/rfc9639
    """
    # STREAMINFO comes first; its body starts 8 bytes into the stream.
    info = tf.cast(read_bytes(contents, start + 8, 18), tf.int64)
    max_bytes = tf.reduce_sum(info[7:10] * [2**16, 2**8, 1])  # of a frame; 0 if unknown
    rate = info[10] * 2**12 + info[11] * 2**4 + info[12] // 2**4
    bits = info[12] % 2 * 2**4 + info[13] // 2**4 + 1
    samples = info[13] % 2**4 * 2**32 + tf.reduce_sum(info[14:] * [2**24, 2**16, 2**8, 1])
    first, last = _frames_start(contents, start), _frames_end(contents)
    first = tf.minimum(first, last)
    tail = tf.minimum(tf.where(max_bytes > 0, max_bytes, _MAX_FRAME_BYTES), last - first)
    tail = tf.strings.substr(contents, last - tail, tail)
    supported = tf.reduce_any(bits == list(FLAC_DTYPES))
    checks = require(
        plausible_rate(rate),
        (supported, tf.strings.join(["FLAC with ", tf.strings.as_string(bits), " bits per sample is not supported"])),
        # tensorflow-io returns no samples for such a file.
        (samples > 0, "the FLAC header does not state the number of samples: encode the file again"),
        ((first < last) & tf.equal(_checksum(contents, first, last), 0), "truncated or damaged FLAC file"),
        (_ends_with(tail, samples, info[2] * 2**8 + info[3]), "truncated FLAC file: its last frames are missing"),
    )
    with tf.control_dependencies(checks):
        return tf.cast(rate, tf.int32), tf.identity(bits), tf.identity(samples)


def _frames_start(contents, start):
    """Offset of the first frame: the end of the metadata blocks."""

    def step(position, _):
        header = tf.cast(read_bytes(contents, position, 4), tf.int64)
        return position + 4 + tf.reduce_sum(header[1:] * [2**16, 2**8, 1]), header[0] >= 128

    return tf.while_loop(
        lambda _, last: tf.logical_not(last), step, (start + 4, False), maximum_iterations=_MAX_METADATA_BLOCKS
    )[0]


def _frames_end(contents):
    """Offset of the end of the last frame: the end of the file, or the start of an appended ID3v1 tag."""
    total = tf.cast(tf.strings.length(contents), tf.int64)
    tag_start = tf.maximum(total - 128, 0)
    return tf.where(tf.reduce_all(read_bytes(contents, tag_start, 3) == list(b"TAG")), tag_start, total)


def _ends_with(tail, samples, block):
    """Whether a frame that starts within `tail`, the last bytes of a stream, ends with the last of its `samples`.

    Frames are numbered if all blocks have the same size, `block`; otherwise they state their first sample. A sync
    word that occurs by chance hardly ever passes.
    """
    # A header has up to 16 bytes, hence the zeros.
    raw = tf.cast(tf.io.decode_raw(tf.strings.join([tail, "\0" * 16]), tf.uint8), tf.int64)
    found = tf.where((raw[:-16] == 0xFF) & (raw[1:-15] // 2 == 0xF8 // 2))
    header = tf.gather(raw, found + tf.range(16, dtype=tf.int64))
    # The number is coded like UTF-8, in up to seven bytes.
    more = tf.reduce_sum(tf.cast(header[:, 4:5] >= [0xC0, 0xE0, 0xF0, 0xF8, 0xFC, 0xFE], tf.int64), axis=1)
    number = header[:, 4] % tf.gather(tf.constant([128, 32, 16, 8, 4, 2, 1], tf.int64), more)
    for place in range(1, 7):
        number = tf.where(more >= place, number * 64 + header[:, 4 + place] % 64, number)
    code = header[:, 2] // 16
    sizes = [0, 192, 576, 1152, 2304, 4608, 0, 0, *(2**power for power in range(8, 16))]
    one, two = (tf.gather(header, 5 + place + more, batch_dims=1) for place in (0, 1))
    size = tf.gather(tf.constant(sizes, tf.int64), code)
    size = tf.where(code == 6, one + 1, tf.where(code == 7, one * 2**8 + two + 1, size))
    start = tf.where(header[:, 1] % 2 == 1, number, number * block)
    return tf.reduce_any(start + size == samples)


def _checksum(contents, first, last):
    """CRC-16 of the bytes from `first` to `last`, 0 if they are intact frames with their own CRCs.

    A loop over bytes would take seconds, so neighbours are joined in a tree: the remainder of two stretches of equal
    length is that of the first, times x to the length of the second, plus that of the second.
    """
    tables = tf.constant(_shift_tables())

    def join(level, words):
        # Leading zeros change no remainder.
        words = tf.reshape(tf.pad(words, [[tf.size(words) % 2, 0]]), [-1, 2])
        high, low = words[:, 0] // 256, words[:, 0] % 256
        shifted = tf.bitwise.bitwise_xor(tf.gather(tables[level, 0], high), tf.gather(tables[level, 1], low))
        return level + 1, tf.bitwise.bitwise_xor(shifted, words[:, 1])

    def joined(level, words):
        shapes = (tf.TensorShape([]), tf.TensorShape([None]))
        _, words = tf.while_loop(lambda _, words: tf.size(words) > 1, join, (level, words), shapes)
        return tf.reduce_sum(words)

    # In parts, the first one shorter: words and indices take many times the memory of the bytes.
    size = 2 ** (_PART_LEVEL + 1)
    parts = -(-(last - first) // size)

    def part(index):
        end = last - (parts - 1 - index) * size
        begin = tf.maximum(end - size, first)
        data = tf.strings.substr(contents, begin, end - begin)
        data = tf.strings.join([tf.where((end - begin) % 2 == 1, "\0", ""), data])
        return joined(0, tf.cast(tf.io.decode_raw(data, tf.uint16, little_endian=False), tf.int32))

    words = tf.map_fn(part, tf.range(parts), fn_output_signature=tf.int32, parallel_iterations=1)
    return joined(_PART_LEVEL, words)


def _remainder(values):
    """Polynomials over GF(2) of degree below 32, bits of an int64 array, modulo the CRC polynomial."""
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
    """int32 `[level, high or low byte, byte]`: that byte of a word times x to the power of 16 * 2^level."""
    byte = np.arange(256, dtype=np.int64)
    factor, tables = int(_remainder(2**16)), []
    for _ in range(31):
        tables.append([_product(byte << 8, factor), _product(byte, factor)])
        factor = int(_product(np.int64(factor), factor))
    return np.array(tables, np.int32)
