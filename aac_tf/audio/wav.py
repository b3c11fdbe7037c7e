"""WAV files decoded with core TensorFlow operations, so that a SavedModel can take the bytes of a file."""

from __future__ import annotations

import collections

import tensorflow as tf

from aac_tf.audio.backends import InGraph, OnHost
from aac_tf.audio.checks import first_reason, plausible_rate, require
from aac_tf.audio.mixing import mix_in_graph

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# Encodings that `wav_samples` decodes: (format tag, bytes of a sample).
_ENCODINGS = ((_PCM, 1), (_PCM, 2), (_PCM, 3), (_PCM, 4), (_FLOAT, 4), (_FLOAT, 8))
# An encoder that writes to a pipe cannot go back to fill in the size: ffmpeg leaves the first value, sox the second.
_UNKNOWN_SIZE, _SOX_UNKNOWN_SIZE = 0xFFFFFFFF, 0x7FFFF000
# Recorders leave values near the limits of signed and unsigned 32-bit sizes.
_LIMIT_SIZES = ((_SOX_UNKNOWN_SIZE, 0x80000000), (0xFFFFF000, 0xFFFFFFFF))
_HEADER_EXCESS = 44  # bytes: some add the size of the file's header to that of the samples

WAV_MAGIC = (b"RIFF", b"RF64")  # RF64 has 64-bit sizes
HEADER_BYTES, FORMAT_BYTES = 36, 26
_MAX_CHUNKS = 4096  # no real file has more; without a limit, a file of zeros is walked in steps of 8 bytes

WavLayout = collections.namedtuple("WavLayout", "start size block encoding channels rate reason warning")


def decode_wav(contents):
    """Decodes a WAV file: 8-bit unsigned, 16, 24 and 32-bit integers, 32 and 64-bit floats, any number of channels.

    Chunks may be in any order. A size that an encoder left open, or that is up to 44 bytes too large, means "up to the
    end of the file".

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

    total = tf.cast(tf.strings.length(contents), tf.int64)
    format_start, data_start, data_size, end = find_chunks_in_graph(read_header, tf.constant(12, tf.int64), total)
    _, second, _, _ = find_chunks_in_graph(read_header, end, total)
    header, form = read_bytes(contents, 0, HEADER_BYTES), read_bytes(contents, format_start, FORMAT_BYTES)
    layout = wav_layout(header, form, format_start, data_start, data_size, total, InGraph)
    is_whole = (tf.equal(second, 0), "a WAV file with several data chunks: convert it")
    reason = first_reason((tf.equal(layout.reason, ""), layout.reason), is_whole)
    is_sound = tf.equal(reason, "")
    data = tf.strings.substr(contents, layout.start, tf.where(is_sound, layout.size, 0))
    encoding, channels = (tf.cast(number, tf.int32) for number in (layout.encoding, layout.channels))
    samples = wav_samples(data, encoding, tf.where(is_sound, channels, 1))
    return samples, tf.cast(layout.rate, tf.int32), reason


def find_chunks(read_header, start, total):
    """Finds the fmt and data chunks of a WAV file; reads only the headers of its chunks.

    Args:
        read_header: function from the offset of a chunk to its kind, 4 bytes, and its size.
        start: int, offset of the first chunk.
        total: int, size of the file.

    Returns:
        `(format_start, data_start, data_size, end)`, ints: offsets of the bodies of the fmt and the data chunk, 0 if
        there is none; the size that the data chunk states; the offset of the chunk after it.
    """
    state = _first_chunk(start, total, 0)
    while _is_searching(state, total):
        state = _next_chunk(state, read_header(state.position), OnHost)
    return state.format_start, state.data_start, state.data_size, state.end


def find_chunks_in_graph(read_header, start, total):
    """`find_chunks` of int64 scalar tensors."""
    state = tf.while_loop(
        lambda *state: _is_searching(_Search(*state), total),
        lambda *state: _next_chunk(_Search(*state), read_header(state[0]), InGraph),
        _first_chunk(start, total, tf.zeros([], tf.int64)),
        parallel_iterations=1,
    )
    return state.format_start, state.data_start, state.data_size, state.end


_Search = collections.namedtuple("_Search", "position format_start data_start data_size end chunks")


def _first_chunk(start, total, zero):
    return _Search(start, zero, zero, zero, total, zero)


def _is_searching(state, total):
    is_incomplete = (state.format_start == 0) | (state.data_start == 0)
    return (state.position + 8 <= total) & (state.chunks < _MAX_CHUNKS) & is_incomplete


def _next_chunk(state, header, ops):
    (kind, size), body = header, state.position + 8
    following = body + size + size % 2  # chunks start at even offsets
    is_format = (kind == b"fmt ") & (size >= 16) & (state.format_start == 0)
    is_data = (kind == b"data") & (state.data_start == 0)
    return _Search(
        position=following,
        format_start=ops.where(is_format, body, state.format_start),
        data_start=ops.where(is_data, body, state.data_start),
        data_size=ops.where(is_data, size, state.data_size),
        end=ops.where(is_data, following, state.end),
        chunks=state.chunks + 1,
    )


def wav_layout(header, form, format_start, data_start, data_size, total, ops, all_encodings=False):
    """Interprets the chunks of a WAV file.

    Args:
        header: first `HEADER_BYTES` of the file: bytes, or int32 `[HEADER_BYTES]` from `read_bytes`.
        form: first `FORMAT_BYTES` of the fmt chunk's body, likewise.
        format_start: int or int64 scalar, from `find_chunks`.
        data_start: int or int64 scalar, from `find_chunks`.
        data_size: int or int64 scalar, from `find_chunks`.
        total: int or int64 scalar, size of the file.
        ops: `OnHost` for bytes and ints, `InGraph` for tensors.
        all_encodings: bool, whether to accept encodings other than integers and floats of fixed width.

    Returns:
        `WavLayout` of scalars: `start` and `size` of the samples in bytes; `block`, bytes per sample of all channels;
        `encoding` for `wav_samples`, -1 if it is another; `channels`; `rate` in Hz; `reason`, empty if all is well,
        otherwise what is wrong; `warning`, empty unless the stated size was wrong and is corrected.
    """
    number, where, text = ops.number, ops.where, ops.text
    magic = number(header, 0, 4)
    is_riff, is_rf64 = (magic == int.from_bytes(name, "little") for name in WAV_MAGIC)
    is_wav = (is_riff | is_rf64) & (number(header, 8, 12) == int.from_bytes(b"WAVE", "little"))
    # A size that exceeds the data chunk's 32 bits is in the first chunk of an RF64 file.
    has_sizes = number(header, 12, 16) == int.from_bytes(b"ds64", "little")
    data_size = where(is_rf64 & has_sizes & (data_size == _UNKNOWN_SIZE), number(header, 28, 36), data_size)
    tag, channels, rate = number(form, 0, 2), number(form, 2, 4), number(form, 4, 8)
    tag = where(tag == _EXTENSIBLE, number(form, 24, 26), tag)
    block, bits = number(form, 12, 14), number(form, 14, 16)
    divisor = where(block > 0, block, 1)
    width = block // where(channels > 0, channels, 1)

    available = where(total > data_start, total - data_start, 0)
    # The data size of an empty sound is 0 too, but then the size in the file's header covers everything that follows.
    riff_size = number(header, 4, 8)
    unknown_zero = (data_size == 0) & ((riff_size == 0) | (riff_size == _UNKNOWN_SIZE) | (riff_size + 8 <= data_start))
    unknown_sox = (data_size <= _SOX_UNKNOWN_SIZE) & (data_size > _SOX_UNKNOWN_SIZE - divisor)
    is_open = unknown_zero | unknown_sox | (data_size == _UNKNOWN_SIZE)
    is_wrong = (data_size > available) & (data_size <= available + _HEADER_EXCESS)
    for low, high in _LIMIT_SIZES:
        is_wrong = is_wrong | (data_size > available) & (data_size >= low) & (data_size <= high)
    note = text("the header states ", data_size, " bytes of audio, but ", available, " follow: they are all read")
    warning = where(is_open, "", where(is_wrong, note, ""))
    data_size = where(is_open | is_wrong, available, data_size)

    encoding = -1
    for index, (code, size) in enumerate(_ENCODINGS):
        encoding = where((tag == code) & (width == size), index, encoding)
    is_other = (tag != _PCM) & (tag != _FLOAT)
    needed, stated = channels * ((bits + 7) // 8), (channels, "-channel ", bits, "-bit samples")
    unsupported = text("WAV encoding ", tag, " with ", 8 * width, " bits is not supported")
    checks = [
        (is_wav, "not a WAV file"),
        (format_start > 0, "damaged WAV file: it has no fmt chunk"),
        (data_start > 0, "damaged WAV file: it has no data chunk"),
        ((channels > 0) & (block > 0), "damaged WAV file: its fmt chunk is inconsistent"),
        plausible_rate(rate, text),
        (
            is_other | (block == needed),
            text("damaged WAV file: its block size is ", block, ", but ", *stated, " need ", needed),
        ),
        ((is_other & all_encodings) | (encoding >= 0), unsupported),
        (data_size <= available, text("truncated: expected ", data_size, " bytes of audio, found ", available)),
    ]
    return WavLayout(
        start=data_start,
        size=data_size - data_size % divisor,
        block=block,
        encoding=encoding,
        channels=channels,
        rate=rate,
        reason=ops.first_reason(*checks),
        warning=warning,
    )


def wav_samples(data, encoding, channels):
    """Decodes the samples of a WAV file.

    Args:
        data: scalar string tensor, bytes of whole samples.
        encoding: int32 scalar, from `wav_layout`.
        channels: int32 scalar, number of channels.

    Returns:
        float32 `[samples]`, the channels mixed by `mix_in_graph`, with full scale at 1.
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
    return mix_in_graph(tf.reshape(samples, [tf.size(samples) // channels, channels]))


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
