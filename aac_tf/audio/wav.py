"""WAV files decoded with core TensorFlow operations, so that a SavedModel can take the bytes of a file."""

from __future__ import annotations

import collections
import functools

import tensorflow as tf

from aac_tf.audio.checks import first_reason, plausible_rate, require

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# An encoder that writes to a pipe cannot go back to fill in the size: ffmpeg leaves the first value, sox the second.
_UNKNOWN_SIZE, _SOX_UNKNOWN_SIZE = 0xFFFFFFFF, 0x7FFFF000

WAV_MAGIC = (b"RIFF", b"RF64")  # RF64 has 64-bit sizes
HEADER_BYTES, FORMAT_BYTES = 36, 26
_MAX_CHUNKS = 4096  # no real file has more; without a limit, a file of zeros is walked in steps of 8 bytes

WavLayout = collections.namedtuple("WavLayout", "start size block encoding channels rate reason")


def decode_wav(contents):
    """Decodes a WAV file: 8-bit unsigned, 16, 24 and 32-bit integers, 32 and 64-bit floats, any number of channels.

    Chunks may be in any order. A size that an encoder left open means "up to the end of the file".

    Args:
        contents: scalar string tensor, bytes of the file.

    Returns:
        `(waveform, sample_rate)`: float32 `[samples]`, the mean of the channels with full scale at 1; int32 scalar, Hz.

    Raises:
        tf.errors.InvalidArgumentError: if the bytes are not a WAV file, are truncated, or have an unsupported encoding.

    Reference:
        IBM and Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (1991); Microsoft,
        WAVEFORMATEXTENSIBLE, https://learn.microsoft.com/windows/win32/api/mmreg/ns-mmreg-waveformatextensible
    """
    waveform, rate, reason = try_decode_wav(contents)
    with tf.control_dependencies(require((tf.equal(reason, ""), reason))):
        return tf.identity(waveform), tf.identity(rate)


def try_decode_wav(contents):
    """Like `decode_wav`, but returns what is wrong instead of raising, so that one bad file does not fail a batch.

    Args:
        contents: scalar string tensor, bytes of the file.

    Returns:
        `(waveform, sample_rate, reason)`: as for `decode_wav`, and a string scalar. It is empty if all is well;
        otherwise the waveform is empty and the rate has no meaning.
    """

    def read_header(position):
        return tf.strings.substr(contents, position, 4), little_endian(read_bytes(contents, position + 4, 4))

    total = tf.strings.length(contents)
    format_start, data_start, data_size = _find_chunks_in_graph()(read_header, tf.cast(total, tf.int64))
    header, form = read_bytes(contents, 0, HEADER_BYTES), read_bytes(contents, format_start, FORMAT_BYTES)
    layout = wav_layout(header, form, format_start, data_start, data_size, total)
    data = tf.strings.substr(contents, layout.start, layout.size)
    return wav_samples(data, layout.encoding, layout.channels), layout.rate, layout.reason


def find_chunks(read_header, total):
    """Walks the chunks of a WAV file.

    `SoundFile` calls it with ints and seeks from chunk to chunk; AutoGraph converts it for tensors.

    Args:
        read_header: function from the offset of a chunk to its kind, 4 bytes, and its size.
        total: int or int64 scalar tensor, size of the file.

    Returns:
        `(format_start, data_start, data_size)` of the type of `total`: offsets of the bodies of the fmt and the data
        chunk, 0 if there is none, and the size that the data chunk states.
    """
    zero = 0 * total
    position, format_start, data_start, data_size, chunks = zero + 12, zero, zero, zero, 0
    # `&` instead of `and`, which AutoGraph converts to a branch.
    while (position + 8 <= total) & (chunks < _MAX_CHUNKS) & ((format_start == 0) | (data_start == 0)):
        kind, size = read_header(position)
        position += 8
        if (kind == b"fmt ") & (size >= 16) & (format_start == 0):
            format_start = position
        if (kind == b"data") & (data_start == 0):
            data_start, data_size = position, size
        position += size + size % 2  # chunks start at even offsets
        chunks += 1
    return format_start, data_start, data_size


@functools.lru_cache(maxsize=1)
def _find_chunks_in_graph():
    return tf.autograph.to_graph(find_chunks, recursive=False)


def wav_layout(header, form, format_start, data_start, data_size, total):
    """Interprets the chunks of a WAV file.

    Args:
        header: int32 `[HEADER_BYTES]`, first bytes of the file, from `read_bytes`.
        form: int32 `[FORMAT_BYTES]`, first bytes of the fmt chunk's body, from `read_bytes`.
        format_start: int64 scalar, from `find_chunks`.
        data_start: int64 scalar, from `find_chunks`.
        data_size: int64 scalar, from `find_chunks`.
        total: integer scalar tensor, size of the file.

    Returns:
        `WavLayout` of scalars: int64 `start` and `size` of the samples in bytes; int64 `block`, bytes of one sample of
        all channels; int32 `encoding` and `channels` for `wav_samples`; int32 `rate` in Hz; string `reason`, empty if
        all is well, otherwise what is wrong, and the size is 0.
    """
    total = tf.cast(total, tf.int64)
    is_riff, is_rf64 = (tf.reduce_all(header[:4] == list(magic)) for magic in WAV_MAGIC)
    is_wav = (is_riff | is_rf64) & tf.reduce_all(header[8:12] == list(b"WAVE"))
    # A size that exceeds the data chunk's 32 bits is in the first chunk of an RF64 file.
    is_large = is_rf64 & tf.reduce_all(header[12:16] == list(b"ds64")) & (data_size == _UNKNOWN_SIZE)
    data_size = tf.where(is_large, little_endian(header[28:36]), data_size)
    tag, channels, rate = little_endian(form[0:2]), little_endian(form[2:4]), little_endian(form[4:8])
    tag = tf.where(tag == _EXTENSIBLE, little_endian(form[24:26]), tag)
    block = little_endian(form[12:14])
    width = block // tf.maximum(channels, 1)

    available = tf.maximum(total - data_start, 0)
    # The data size of an empty sound is 0 too, but then the size in the file's header covers everything that follows.
    riff_size = little_endian(header[4:8])
    unknown_zero = (data_size == 0) & ((riff_size == 0) | (riff_size == _UNKNOWN_SIZE) | (riff_size + 8 <= data_start))
    unknown_sox = (data_size <= _SOX_UNKNOWN_SIZE) & (data_size > _SOX_UNKNOWN_SIZE - tf.maximum(block, 1))
    data_size = tf.where(unknown_zero | unknown_sox | (data_size == _UNKNOWN_SIZE), available, data_size)

    encodings = [(_PCM, 1), (_PCM, 2), (_PCM, 3), (_PCM, 4), (_FLOAT, 4), (_FLOAT, 8)]
    matches = tf.stack([(tag == code) & (width == size) for code, size in encodings])
    text = tf.strings.as_string
    reason = first_reason(
        (is_wav, "not a WAV file"),
        (format_start > 0, "damaged WAV file: it has no fmt chunk"),
        (data_start > 0, "damaged WAV file: it has no data chunk"),
        (
            (channels > 0) & (block > 0) & (block == width * channels),
            "damaged WAV file: its fmt chunk is inconsistent",
        ),
        plausible_rate(rate),
        (
            tf.reduce_any(matches),
            tf.strings.join(["WAV encoding ", text(tag), " with ", text(8 * width), " bits is not supported"]),
        ),
        (
            data_size <= available,
            tf.strings.join(["truncated: expected ", text(data_size), " bytes of audio, found ", text(available)]),
        ),
    )
    is_sound = tf.equal(reason, "")
    whole = data_size - data_size % tf.maximum(block, 1)
    return WavLayout(
        start=tf.where(is_sound, data_start, 0),
        size=tf.where(is_sound, whole, 0),
        block=block,
        encoding=tf.argmax(matches, output_type=tf.int32),
        channels=tf.cast(tf.where(is_sound, channels, 1), tf.int32),
        rate=tf.cast(rate, tf.int32),
        reason=reason,
    )


def wav_samples(data, encoding, channels):
    """Decodes the samples of a WAV file.

    Args:
        data: scalar string tensor, bytes of whole samples.
        encoding: int32 scalar, from `wav_layout`.
        channels: int32 scalar, number of channels.

    Returns:
        float32 `[samples]`, the mean of the channels with full scale at 1.
    """
    samples = tf.switch_case(
        encoding,
        [
            lambda: (tf.cast(tf.io.decode_raw(data, tf.uint8), tf.float32) - 128.0) / 2.0**7,
            lambda: tf.cast(tf.io.decode_raw(data, tf.int16), tf.float32) / 2.0**15,
            lambda: _decode_24_bit(data),
            lambda: tf.cast(tf.io.decode_raw(data, tf.int32), tf.float32) / 2.0**31,
            lambda: tf.io.decode_raw(data, tf.float32),
            lambda: tf.cast(tf.io.decode_raw(data, tf.float64), tf.float32),
        ],
    )
    return tf.reduce_mean(tf.reshape(samples, [tf.size(samples) // channels, channels]), axis=1)


def _decode_24_bit(data):
    samples = tf.reshape(tf.io.decode_raw(data, tf.uint8), [tf.strings.length(data) // 3, 3])
    # A zero byte below the three makes a 32-bit integer of the same fraction of full scale.
    return tf.cast(tf.bitcast(tf.pad(samples, [[0, 0], [1, 0]]), tf.int32), tf.float32) / 2.0**31


def read_bytes(contents, position, count):
    """Bytes of a file, with zeros after its end.

    Args:
        contents: scalar string tensor, bytes of the file.
        position: int or integer scalar tensor, offset of the first byte, not negative.
        count: int, number of bytes.

    Returns:
        int32 `[count]`.
    """
    position = tf.minimum(tf.cast(position, tf.int64), tf.cast(tf.strings.length(contents), tf.int64))
    found = tf.io.decode_raw(tf.strings.substr(contents, position, tf.constant(count, tf.int64)), tf.uint8)
    return tf.ensure_shape(tf.pad(tf.cast(found, tf.int32), [[0, count - tf.size(found)]]), [count])


def little_endian(digits):
    """The int64 scalar that bytes, int32 `[count]`, encode with the least significant byte first."""
    return tf.reduce_sum(tf.cast(digits, tf.int64) * [256**place for place in range(digits.shape[0])])
