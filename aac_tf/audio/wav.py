"""WAV files decoded with core TensorFlow operations, so that a SavedModel can take the bytes of a file."""

from __future__ import annotations

import collections

import tensorflow as tf

from aac_tf.audio.checks import first_reason, plausible_rate, require

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# Encoders that write to a pipe cannot come back to fill in the size: ffmpeg leaves the first, sox the second.
_UNKNOWN_SIZE, _SOX_UNKNOWN_SIZE = 0xFFFFFFFF, 0x7FFFF000

# What RIFF files begin with, and those whose sizes have 64 bits.
WAV_MAGIC = (b"RIFF", b"RF64")
HEADER_BYTES, FORMAT_BYTES = 36, 26
MAX_CHUNKS = 4096  # no sound has more; without a limit, a file of zeros would be walked in steps of 8 bytes

WavLayout = collections.namedtuple("WavLayout", "start size block encoding channels rate reason")


def decode_wav(contents):
    """Decode a WAV file: 8-bit unsigned, 16, 24 and 32-bit integers, 32 and 64-bit floats, any number of channels.

    Chunks may come in any order. A size left open by an encoder that wrote to a pipe means "to the end of the file".

    Args:
      contents: Bytes of the file, a scalar string tensor.

    Returns:
      (waveform float32 [samples], the mean of the channels, full scale at 1; sample rate in Hz, an int32 scalar).

    Raises:
      tf.errors.InvalidArgumentError: The bytes are not a WAV file, are cut short, or hold another encoding.

    Reference:
      IBM and Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (1991); Microsoft,
      WAVEFORMATEXTENSIBLE, https://learn.microsoft.com/windows/win32/api/mmreg/ns-mmreg-waveformatextensible
    """
    waveform, rate, reason = try_decode_wav(contents)
    with tf.control_dependencies(require((tf.equal(reason, ""), reason))):
        return tf.identity(waveform), tf.identity(rate)


def try_decode_wav(contents):
    """`decode_wav` that says what is wrong with the bytes, so that one bad file of a batch need not stop the others.

    Args:
      contents: Bytes of the file, a scalar string tensor.

    Returns:
      (waveform, sample rate, reason): as `decode_wav`, and a string scalar. It is empty where all is well; otherwise
      the waveform has no samples, and the rate no meaning.
    """
    chunks = _find_chunks(contents)
    header, form = read_bytes(contents, 0, HEADER_BYTES), read_bytes(contents, chunks[0], FORMAT_BYTES)
    layout = wav_layout(header, form, *chunks, tf.strings.length(contents))
    data = tf.strings.substr(contents, layout.start, layout.size)
    return wav_samples(data, layout.encoding, layout.channels), layout.rate, layout.reason


def wav_layout(header, form, format_start, data_start, data_size, total):
    """Where the samples of a WAV file are, and what they are, from its chunks.

    Args:
      header: The first bytes of the file, int32 [HEADER_BYTES], of `read_bytes`.
      form: The first bytes of the fmt chunk's body, int32 [FORMAT_BYTES], of `read_bytes`.
      format_start: Offset of that body in the file, an int64 scalar; 0 if there is none.
      data_start: Offset of the data chunk's body, an int64 scalar; 0 if there is none.
      data_size: Its size as the chunk says it, an int64 scalar.
      total: Bytes of the file, an integer scalar tensor.

    Returns:
      `WavLayout` of scalars: `start` and `size` of the samples in bytes, int64; `block`, bytes of one sample of all
      channels, int64; `encoding` and `channels`, int32, as `wav_samples` takes them; `rate`, the sample rate in Hz,
      int32; and `reason`, a string. It is empty where all is well; otherwise it says what is wrong, and the size is 0.
    """
    total = tf.cast(total, tf.int64)
    is_riff, is_rf64 = (tf.reduce_all(header[:4] == list(magic)) for magic in WAV_MAGIC)
    is_wav = (is_riff | is_rf64) & tf.reduce_all(header[8:12] == list(b"WAVE"))
    # What is too large for the data chunk's 32 bits is in the first chunk of an RF64 file.
    is_large = is_rf64 & tf.reduce_all(header[12:16] == list(b"ds64")) & (data_size == _UNKNOWN_SIZE)
    data_size = tf.where(is_large, little_endian(header[28:36]), data_size)
    tag, channels, rate = little_endian(form[0:2]), little_endian(form[2:4]), little_endian(form[4:8])
    tag = tf.where(tag == _EXTENSIBLE, little_endian(form[24:26]), tag)
    block = little_endian(form[12:14])
    width = block // tf.maximum(channels, 1)

    available = tf.maximum(total - data_start, 0)
    # An empty sound has size 0 too, but there the size in the file's first header covers all that follows.
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
            "damaged WAV file: its fmt chunk contradicts itself",
        ),
        plausible_rate(rate),
        (
            tf.reduce_any(matches),
            tf.strings.join(["WAV encoding ", text(tag), " with ", text(8 * width), " bits is not supported"]),
        ),
        (
            data_size <= available,
            tf.strings.join(["truncated: ", text(data_size), " bytes of sound expected, ", text(available), " found"]),
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
    """The samples that bytes of a WAV file stand for.

    Args:
      data: Whole samples, a scalar string tensor.
      encoding: See `wav_layout`.
      channels: Number of channels, an int32 scalar.

    Returns:
      float32 [samples], the mean of the channels, full scale at 1.
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
    # A zero byte below the three makes a 32-bit integer of the same loudness.
    return tf.cast(tf.bitcast(tf.pad(samples, [[0, 0], [1, 0]]), tf.int32), tf.float32) / 2.0**31


def _find_chunks(contents):
    """Walk the chunks; int64 scalars (start of the fmt chunk's body, start of the data, its size), 0 if none."""

    def step(position, format_start, data_start, data_size):
        header = read_bytes(contents, position, 8)
        size = little_endian(header[4:8])
        is_format = tf.reduce_all(header[:4] == list(b"fmt ")) & (size >= 16)
        is_data = tf.reduce_all(header[:4] == list(b"data")) & (data_start == 0)
        body = position + 8
        return (
            body + size + size % 2,  # chunks start at even offsets
            tf.where(is_format & (format_start == 0), body, format_start),
            tf.where(is_data, body, data_start),
            tf.where(is_data, size, data_size),
        )

    zero, total = tf.constant(0, tf.int64), tf.cast(tf.strings.length(contents), tf.int64)
    return tf.while_loop(
        lambda position, format_start, data_start, _: (
            (position + 8 <= total) & ((format_start == 0) | (data_start == 0))
        ),
        step,
        (tf.constant(12, tf.int64), zero, zero, zero),
        maximum_iterations=MAX_CHUNKS,
    )[1:]


def read_bytes(contents, position, count):
    """Some bytes of a file, with zeros where they lie beyond its end.

    Args:
      contents: Bytes of the file, a scalar string tensor.
      position: Offset of the first byte, an int or an integer scalar tensor, not negative.
      count: Number of bytes, int.

    Returns:
      int32 [count].
    """
    position = tf.minimum(tf.cast(position, tf.int64), tf.cast(tf.strings.length(contents), tf.int64))
    found = tf.io.decode_raw(tf.strings.substr(contents, position, tf.constant(count, tf.int64)), tf.uint8)
    return tf.ensure_shape(tf.pad(tf.cast(found, tf.int32), [[0, count - tf.size(found)]]), [count])


def little_endian(digits):
    """The int64 scalar that the bytes, int32 [count], stand for, least significant byte first."""
    return tf.reduce_sum(tf.cast(digits, tf.int64) * [256**place for place in range(digits.shape[0])])
