"""Sound that is still going on: streams of bytes, and spectrograms and resampling as samples come."""

import io
import struct

import numpy as np
import pytest

from aac_tf.audio import AST, DCASE2020, YAMNET, resample, spectrogram
from aac_tf.audio.long_spectrogram import StreamedSpectrogram
from aac_tf.audio.parts import resampled_stream
from aac_tf.utils.pcm_stream import PCMFormat, StreamError, read_stream

SOUND = np.random.default_rng(0).normal(0, 0.1, 30000).astype(np.float32)


class Pipe(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, contents, most=997):
        self._file, self._most = io.BytesIO(contents), most

    def readable(self):
        return True

    def readinto(self, buffer):
        contents = self._file.read(min(self._most, len(buffer)))
        buffer[: len(contents)] = contents
        return len(contents)


def header(tag=1, channels=1, rate=16000, bits=16, size=0xFFFFFFFF):
    block = channels * bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, channels, rate, rate * block, block, bits)
    extra = struct.pack("<4sI", b"LIST", 5) + b"INFO\0\0"
    return struct.pack("<4sI4s", b"RIFF", 0xFFFFFFFF, b"WAVE") + form + extra + struct.pack("<4sI", b"data", size)


def contents_of(file, form=None):
    rate, blocks = read_stream(io.BufferedReader(file), form)
    return rate, np.concatenate([*blocks, np.zeros([0], np.float32)])


@pytest.mark.parametrize(
    ("head", "form", "samples"),
    [
        (header(), None, np.round(SOUND * 32768).astype("<i2")),
        (header(tag=3, bits=32, channels=2), None, np.stack([SOUND * 2, SOUND * 0], axis=1)),
        (b"", PCMFormat(16000, "s16le", 2), np.round(np.stack([SOUND, SOUND], axis=1) * 32768).astype("<i2")),
        (b"", PCMFormat(16000, "f32le"), SOUND),
    ],
    ids=["WAV", "stereo float WAV", "raw stereo", "raw float"],
)
def test_streams_of_samples(head, form, samples):
    rate, found = contents_of(Pipe(head + samples.tobytes() + b"x"), form)
    assert rate == 16000
    np.testing.assert_allclose(found, SOUND, atol=2e-5)


def test_junk_in_one_channel_does_not_silence_the_others():
    samples = np.array([[np.nan, 0.5], [3e38, 3e38], [0.25, -np.inf]], "<f4")
    with np.errstate(all="raise"):
        assert PCMFormat(16000, "f32le", 2).decode(samples.tobytes()).tolist() == [0.25, 10, 0.125]


def test_values_that_are_not_finite_do_not_end_a_stream():
    _, found = contents_of(Pipe(np.array([np.nan, np.inf, 0.5, 1e30], "<f4").tobytes()), PCMFormat(16000, "f32le"))
    assert found.tolist() == [0, 0, 0.5, 10]


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b"", "nothing came"),
        (b"ID3\x04 and so on", "say what raw samples are"),
        (header()[:30], "damaged format|ends before"),
        (header(bits=24), "format 1, 24 bits"),
        (header(channels=0), "0 channels"),
        (header()[:12] + struct.pack("<4sI", b"junk", 0xFFFFFFF0), "a chunk of 4294967280 bytes"),
        (header()[:12] + struct.pack("<4sI", b"data", 8), "no format before"),
    ],
)
def test_other_streams_are_refused(contents, reason):
    with pytest.raises(StreamError, match=reason):
        contents_of(Pipe(contents))


SAMPLES = np.round(SOUND * 32768).astype("<i2").tobytes()
PICTURE = struct.pack("<4sI", b"id3 ", 50_001) + bytes([127]) * 50_002


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 8000, len(SAMPLES)], ids=["0", "-1", "too few", "right"])
def test_samples_are_read_whatever_a_header_says_of_their_number(size):
    _, found = contents_of(Pipe(header(size=size) + SAMPLES))
    np.testing.assert_allclose(found, SOUND, atol=2e-5)


def test_what_follows_the_samples_is_not_heard():
    one = header(size=len(SAMPLES)) + SAMPLES + PICTURE
    for count in (1, 2):
        _, found = contents_of(Pipe(one * count))
        np.testing.assert_allclose(found, np.tile(SOUND, count), atol=2e-5)


def test_a_frame_that_is_not_complete_does_not_shift_the_next_file():
    stereo = np.stack([SOUND, SOUND * 0], axis=1).astype("<f4").tobytes()
    one = header(tag=3, bits=32, channels=2, size=len(stereo) + 3) + stereo + bytes(4)
    _, found = contents_of(Pipe(one + one))
    np.testing.assert_allclose(found, np.tile(SOUND / 2, 2), atol=2e-5)


def test_another_format_is_refused_when_it_comes():
    one, other = (header(size=len(SAMPLES), rate=rate) + SAMPLES for rate in (16000, 8000))
    _, blocks = read_stream(io.BufferedReader(Pipe(one + other)))
    heard = 0
    with pytest.raises(StreamError, match=r"another format follows: .*rate=8000"):  # noqa: PT012
        for block in blocks:
            heard += len(block)
    assert heard == len(SOUND)


def test_a_header_before_raw_samples_is_refused():
    with pytest.raises(StreamError, match="begin with a WAV header: omit --raw"):
        contents_of(Pipe(header() + SAMPLES), PCMFormat(8000))
    assert len(contents_of(Pipe(SAMPLES[:6]), PCMFormat(8000))[1]) == 3


@pytest.mark.parametrize("spec", [YAMNET, AST], ids=["YAMNET", "AST"])
@pytest.mark.parametrize("samples", [100, 15600, 30000])
def test_a_streamed_spectrogram_is_that_of_the_whole_sound(spec, samples):
    stream, sound = StreamedSpectrogram(spec), SOUND[:samples]
    frames = [stream.frames(sound[start : start + 1234]) for start in range(0, samples, 1234)]
    np.testing.assert_allclose(np.concatenate([*frames, stream.finish()]), spectrogram(sound, spec), atol=1e-5)


def test_a_spectrogram_that_depends_on_the_whole_sound_cannot_be_streamed():
    with pytest.raises(ValueError, match="peak-normalized"):
        StreamedSpectrogram(DCASE2020)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_streamed_resampling_is_that_of_the_whole_sound(rate):
    blocks = [SOUND[start : start + 777] for start in range(0, len(SOUND), 777)]
    parts = [np.asarray(part) for part in resampled_stream(iter(blocks), rate, 16000)]
    np.testing.assert_allclose(np.concatenate(parts), resample(SOUND, rate, 16000), atol=2e-5)


def test_streamed_resampling_does_not_wait():
    given = 0

    def blocks():
        nonlocal given
        for start in range(0, len(SOUND), 441):
            given += 441
            yield SOUND[start : start + 441]

    heard = 0
    for part in resampled_stream(blocks(), 44100, 16000):
        heard += len(part)
        assert given / 44100 - heard / 16000 < 0.2
