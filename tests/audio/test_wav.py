import io
import struct

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aac_tf.audio import decode_wav, error_reason
from aac_tf.audio.backends import InGraph, OnHost
from aac_tf.audio.wav import FORMAT_BYTES, HEADER_BYTES, read_bytes, wav_layout

RATE = 22050
in_graph = tf.function(decode_wav, input_signature=[tf.TensorSpec([], tf.string)])


def sound(channels=2, samples=1000):
    return np.random.default_rng(0).uniform(-0.9, 0.9, [samples, channels])


def chunk(name, body):
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff(*chunks):
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def fmt(channels=1, bits=16, tag=1):
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, RATE, RATE * block, block, bits))


def reason_for(contents):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        in_graph(contents)
    return error_reason(str(caught.value))


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize("encoding", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_agrees_with_soundfile(encoding, container, channels):
    file = io.BytesIO()
    soundfile.write(file, sound(channels), RATE, format=container, subtype=encoding)
    expected, _ = soundfile.read(io.BytesIO(file.getvalue()), always_2d=True)
    waveform, rate = in_graph(file.getvalue())
    assert rate == RATE
    np.testing.assert_allclose(waveform, expected.mean(axis=1), rtol=0, atol=2e-7)


def test_chunks_in_any_order_and_of_odd_size():
    samples = np.arange(-5, 6, dtype="<i2")
    data = chunk(b"data", samples.tobytes())
    for chunks in (
        [fmt(), chunk(b"LIST", b"odd"), data],
        [data, chunk(b"junk", b"x" * 7), fmt()],
        [chunk(b"bext", b"y"), fmt(), data, chunk(b"id3 ", b"tail!")],
    ):
        waveform, _ = in_graph(riff(*chunks))
        np.testing.assert_array_equal(waveform, samples / 32768)


def test_truncated_data_is_an_error():
    whole = riff(fmt(), chunk(b"data", bytes(2000)))
    assert "truncated: expected 2000 bytes of audio, found 1955" in reason_for(whole[:-45])
    assert "no data chunk" in reason_for(whole[:40])
    assert "no fmt chunk" in reason_for(whole[:19])


@pytest.mark.parametrize(
    ("riff_size", "data_size"),
    [(0xFFFFFFFF, 0xFFFFFFFF), (0, 0), (36, 0), (0xFFFFFFFF, 0), (0x7FFFF024, 0x7FFFF000)],
    ids=["ffmpeg", "zeros", "never patched", "mixed", "sox"],
)
def test_sizes_left_open_by_encoders_that_write_to_a_pipe(riff_size, data_size):
    samples = np.arange(1, 101, dtype="<i2")
    head = b"RIFF" + struct.pack("<I", riff_size) + b"WAVE" + fmt() + b"data" + struct.pack("<I", data_size)
    waveform, _ = in_graph(head + samples.tobytes() + b"\1")  # ends in the middle of a sample
    np.testing.assert_array_equal(waveform, samples / 32768)


def test_an_empty_sound_is_not_taken_for_a_stream():
    waveform, _ = in_graph(riff(fmt(), chunk(b"data", b""), chunk(b"LIST", b"not sound")))
    assert waveform.shape == [0]


def test_invalid_files_have_a_readable_reason():
    data = chunk(b"data", bytes(100))
    assert reason_for(riff(fmt(tag=7, bits=8), data)) == "WAV encoding 7 with 8 bits is not supported"
    assert "inconsistent" in reason_for(riff(fmt(channels=0), data))
    assert reason_for(b"RIFX" + bytes(60)) == "not a WAV file"
    assert reason_for(b"") == "not a WAV file"
    assert "no fmt chunk" in reason_for(b"RIFF\0\0\0\0WAVE" + bytes(1_000_000))  # without walking all of it


def test_headers_are_interpreted_alike_on_the_host_and_in_the_graph():
    random = np.random.default_rng(0)
    whole = riff(fmt(2), chunk(b"data", bytes(400)))
    seen = set()
    for _ in range(300):
        contents = bytearray(whole)
        for place in random.integers(0, 44, random.integers(0, 4)):
            contents[place] = random.choice([0, 1, 3, 255, 127, 128, contents[place] ^ 1])
        contents = bytes(contents[: random.choice([500, 440, 400, 300])])
        position = int(random.choice([20, 0]))
        numbers = (position, 44, int.from_bytes(contents[40:44], "little"), len(contents))
        host = wav_layout(contents[:HEADER_BYTES], contents[20 : 20 + FORMAT_BYTES], *numbers, OnHost)
        graph = _layout_in_graph(
            read_bytes(contents, 0, HEADER_BYTES), read_bytes(contents, 20, FORMAT_BYTES), *numbers
        )
        for name, expected, found in zip(host._fields, host, graph):
            found = found.numpy().decode() if found.dtype == tf.string else int(found)
            assert found == expected, name
        seen.add(host.reason[:10] + host.warning[:10])
    assert len(seen) > 6


@tf.function(input_signature=[tf.TensorSpec([None], tf.int32)] * 2 + [tf.TensorSpec([], tf.int64)] * 4)
def _layout_in_graph(header, form, *numbers):
    layout = wav_layout(header, form, *numbers, InGraph)
    return [tf.convert_to_tensor(item) for item in layout]
