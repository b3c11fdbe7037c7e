"""Graph functions that decode the bytes of sound files: WAV, FLAC, Ogg Vorbis and MP3."""

from __future__ import annotations

import functools

import tensorflow as tf

from aac_tf.audio.checks import plausible_rate, require
from aac_tf.audio.flac import FLAC_DTYPES, check_flac
from aac_tf.audio.wav import WAV_MAGIC, decode_wav, little_endian, read_bytes

_MP3_SEARCH = 32768  # the first MP3 frame must start within these bytes
_MP3_MAX_FRAME = 1441  # bytes
# Indexed by the 2-bit version field: MPEG 2.5, reserved, MPEG 2, MPEG 1.
_MP3_RATES = [[11025, 12000, 8000], [1, 1, 1], [22050, 24000, 16000], [44100, 48000, 32000]]
_MP3_KBITS = [
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    [1] * 14,
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
]


def decode_audio(contents):
    """Decodes a WAV, FLAC, Ogg Vorbis or MP3 file, recognized by its first bytes.

    `decode_wav` decodes WAV files: tensorflow-io's decoder needs the sample type when the graph is built, reads 32-bit
    integers as floats, rejects 64-bit floats, and its operations are missing in TF Serving. tensorflow-io decodes the
    other formats, after `check_compressed`.

    Args:
        contents: scalar string tensor, bytes of the file.

    Returns:
        `(waveform, sample_rate)`: float32 `[samples]`, the mean of the channels with full scale at 1; int32 scalar, Hz.

    Raises:
        tf.errors.InvalidArgumentError: if the bytes have none of these formats, are damaged or truncated, or need
            tensorflow-io where it is not installed; `aac_tf.audio.error_reason` shortens the message.
    """
    contents = tf.convert_to_tensor(contents)
    is_wav = tf.reduce_any(tf.strings.substr(contents, 0, 4) == list(WAV_MAGIC))
    return tf.cond(is_wav, lambda: decode_wav(contents), lambda: _check_and_decode(contents))


def check_compressed(contents):
    """Checks that a FLAC, Ogg Vorbis or MP3 file is complete and reads its sample rate, before it is decoded.

    tensorflow-io returns no sample rates and does not detect all truncated files. An MP3 without a Xing or Info header,
    which states its length, cannot be checked.

    Args:
        contents: scalar string tensor, bytes of the file.

    Returns:
        `(sample_rate, decoder, samples)`: int32 scalar, Hz; int32 scalar for `decode_compressed`, one of FLAC with 8,
        16 and 24 bits, Vorbis, MP3; int64 scalar, samples per channel, for MP3 at most those of 32 kbit/s.

    Raises:
        tf.errors.InvalidArgumentError: as for `decode_audio`.
    """
    # tensorflow-io's Vorbis decoder crashes the process on an empty string.
    with tf.control_dependencies(require((tf.strings.length(contents) > 0, "the file is empty"))):
        contents = tf.identity(contents)
    tagged = _after_id3(contents)
    kinds = [
        tf.reduce_all(read_bytes(contents, tagged, 4) == list(b"fLaC")),
        tf.reduce_all(read_bytes(contents, 0, 4) == list(b"OggS")),
        True,  # MP3 has no signature; its check searches for frames
    ]
    return tf.switch_case(
        tf.argmax(tf.stack(kinds), output_type=tf.int32),
        [
            lambda: _check_flac(contents, tagged),
            lambda: _check_vorbis(contents),
            lambda: _check_mp3(contents, tagged),
        ],
    )


def tensorflow_io(name):
    """A decoder of tensorflow-io.

    Args:
        name: str, name of a member of `tensorflow_io.audio`.

    Returns:
        The member. If tensorflow-io is not installed, a function that raises tf.errors.InvalidArgumentError when a file
        needs it.
    """
    # Imported on first use: WAV files and everything on waveforms work without it.
    try:
        import tensorflow_io as tfio
    except ImportError:

        def missing(contents, dtype=tf.float32):
            reason = "FLAC, Ogg Vorbis and MP3 need tensorflow-io 0.36 (pip install tensorflow-io==0.36.*)"
            with tf.control_dependencies(require((tf.strings.length(contents) < 0, reason))):
                return tf.zeros([0, 1], dtype)

        return missing
    return getattr(tfio.audio, name)


def mix_down(decoded):
    """Converts tensorflow-io's `[samples, channels]` of any type to mono float32 `[samples]` with full scale at 1."""
    dtype, decoded = decoded.dtype, tf.cast(decoded, tf.float32)
    if dtype == tf.uint8:
        decoded = (decoded - 128.0) / 2.0**7
    elif dtype.is_integer:
        decoded /= 2.0 ** (8 * dtype.size - 1)
    return tf.reduce_mean(decoded, axis=1)


def decode_compressed(contents, decoder):
    """Decodes a file that passed `check_compressed`.

    Args:
        contents: scalar string tensor, bytes of the file.
        decoder: int32 scalar, from `check_compressed`.

    Returns:
        float32 `[samples]`, as for `decode_audio`.
    """
    decoders = [functools.partial(tensorflow_io("decode_flac"), dtype=dtype) for dtype in FLAC_DTYPES.values()]
    decoders += [tensorflow_io("decode_vorbis"), tensorflow_io("decode_mp3")]
    return tf.switch_case(decoder, [lambda decode=decode: mix_down(decode(contents)) for decode in decoders])


def _check_and_decode(contents):
    rate, decoder, _ = check_compressed(contents)
    with tf.control_dependencies([rate]):
        return decode_compressed(tf.identity(contents), decoder), rate


def _after_id3(contents):
    """Offset of the first byte after an ID3v2 tag, an int64 scalar; 0 without a tag."""
    head = tf.cast(read_bytes(contents, 0, 10), tf.int64)
    size = tf.reduce_sum(head[6:10] * [2**21, 2**14, 2**7, 1])
    footer = 10 * (head[5] // 16 % 2)
    return tf.where(tf.reduce_all(head[:3] == list(b"ID3")), 10 + size + footer, 0)


def _check_flac(contents, start):
    rate, bits, samples = check_flac(contents, start)
    return rate, tf.argmax(bits == list(FLAC_DTYPES), output_type=tf.int32), samples


def _check_vorbis(contents):
    # Pages: https://www.rfc-editor.org/rfc/rfc3533#section-6; first packet: https://xiph.org/vorbis/doc/ section 4.2.2.
    first = read_bytes(contents, 0, 320)
    packet = tf.slice(first, [27 + tf.minimum(first[26], 255)], [16])
    rate = little_endian(packet[12:16])
    # A page has at most 65307 bytes, so the last one starts in here even if something is appended to the file.
    total = tf.strings.length(contents)
    tail_start = tf.maximum(total - 2 * 65536, 0)
    tail = read_bytes(contents, tail_start, 2 * 65536)
    is_page = tf.reduce_all(tf.stack([tail[i : i - 6] == byte for i, byte in enumerate(b"OggS\0")]), axis=0)
    last = tf.cast(tf.reduce_max(tf.concat([[0], tf.where(is_page)[:, 0]], axis=0)), tf.int32)
    page = read_bytes(contents, tail_start + last, 27 + 255)
    segments = page[26]
    end = tail_start + last + 27 + segments + tf.reduce_sum(page[27:] * tf.sequence_mask(segments, 255, tf.int32))
    ends_stream = page[5] // 4 % 2 == 1
    # Streams with different formats in one file crash tensorflow-io.
    forms = tf.strings.substr(tf.strings.split(contents, "\x01vorbis")[1:], 0, 9)
    checks = require(
        (tf.reduce_all(packet[:7] == list(b"\x01vorbis")), "an Ogg file, but not Vorbis (perhaps Opus): convert it"),
        plausible_rate(rate),
        (tf.reduce_all(forms == forms[:1]), "an Ogg file with several streams of different formats: convert it"),
        # tensorflow-io silently stops after the last complete page.
        (
            tf.reduce_any(is_page) & ends_stream & (end <= total),
            "truncated Ogg file: its last page is missing or incomplete",
        ),
    )
    samples = little_endian(page[6:14])
    with tf.control_dependencies(checks):
        return tf.cast(rate, tf.int32), tf.constant(len(FLAC_DTYPES)), samples


def _check_mp3(contents, start):
    total = tf.cast(tf.strings.length(contents), tf.int64)
    offset = tf.range(_MP3_SEARCH, dtype=tf.int64)
    # Sync words occur by chance; three consecutive frames that agree (fewer at the end of the file) do not.
    raw = read_bytes(contents, start, _MP3_SEARCH + 2 * _MP3_MAX_FRAME + 4)
    is_header, length, rate, kind = _mp3_headers(raw)
    found, position = is_header[:_MP3_SEARCH] & (start + offset + 4 <= total), offset
    for _ in range(2):
        position = position + tf.gather(length, position)
        follows = tf.gather(is_header, position) & (tf.gather(kind, position) == kind[:_MP3_SEARCH])
        found &= follows | (start + position + 4 > total)
    checks = require((tf.reduce_any(found), "not a WAV, FLAC, Ogg Vorbis or MP3 file"))
    rate = rate[tf.argmax(found)]
    with tf.control_dependencies(checks):
        return tf.identity(rate), tf.constant(len(FLAC_DTYPES) + 1), total * tf.cast(rate, tf.int64) // 4000


def _mp3_headers(raw):
    """Validity, length in bytes, sample rate and kind of an MP3 frame (Layer III) that starts at each position."""
    first, second, third = raw[:-3], raw[1:-2], raw[2:-1]
    version, layer = second // 8 % 4, second // 2 % 4
    kbits, rate = third // 16, third // 4 % 4
    is_header = (first == 0xFF) & (second >= 0xE0) & (version != 1) & (layer == 1)
    is_header &= (kbits > 0) & (kbits < 15) & (rate < 3)
    index = tf.stack([version, tf.clip_by_value(kbits - 1, 0, 13)], axis=-1)
    kbits = tf.gather_nd(tf.constant(_MP3_KBITS), index)
    rate = tf.gather_nd(tf.constant(_MP3_RATES), tf.stack([version, tf.minimum(rate, 2)], axis=-1))
    length = tf.where(version == 3, 144, 72) * 1000 * kbits // rate + third // 2 % 2
    return is_header, tf.cast(tf.where(is_header, length, 0), tf.int64), rate, version * 768000 + rate
