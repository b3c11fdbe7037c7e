"""Every format is read, and decodes to what its own decoder gives."""

import builtins
import io
import struct

import av
import numpy as np
import pytest
import sound_files as sounds
import soundfile
import tensorflow as tf
from sound_files import RATE, encode, fmt, noise, remux, riff

from aac_tf.audio import AudioError, SoundFile, load_audio, read_audio


@pytest.fixture
def write(tmp_path):
    def write(contents, name="clip"):
        path = tmp_path / name
        path.write_bytes(contents)
        return path

    return write


def reference(contents):
    """(float32 `[samples]`, rate) with soundfile, in one piece."""
    samples, rate = soundfile.read(io.BytesIO(contents), dtype="float32", always_2d=True)
    return samples.mean(axis=1), rate


def check(path, expected, rate, atol=2e-6):
    """Checks that all ways of reading give these samples."""
    file = SoundFile(path)
    assert (file.sample_rate, file.samples) == (rate, len(expected))
    for found in (load_audio(path)[0], read_audio(str(path), rate), file.read()):
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


LIBSNDFILE = [
    *[("WAV", encoding) for encoding in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")],
    *[("WAV", encoding) for encoding in ("ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610")],
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AIFF", "FLOAT"),
    ("AU", "PCM_16"),
    ("AU", "ULAW"),
    ("CAF", "PCM_16"),
    ("CAF", "ALAC_16"),
    ("NIST", "PCM_16"),
    ("FLAC", "PCM_S8"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("form", "encoding"), LIBSNDFILE)
def test_formats_of_libsndfile(write, form, encoding, channels):
    if encoding == "GSM610" and channels == 2:
        channels = 1
    contents = encode(form, encoding, noise(channels=channels))
    expected, rate = reference(contents)
    assert len(expected) >= RATE
    check(write(contents), expected, rate)


def test_opus(write):
    contents = encode("OGG", "OPUS", noise(rate=48000), 48000)
    check(write(contents), *reference(contents))


def test_big_endian_wav(write):
    samples = sounds.integers()
    contents = riff(fmt(order=">"), sounds.chunk(b"data", samples.astype(">i2").tobytes(), ">"), order=">")
    check(write(contents), samples / 32768, RATE)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("tag", [b"", b"ID3\x03\0\0\0\0\x08\0" + bytes(1024)], ids=["plain", "tagged"])
def test_mp3_of_every_rate(write, rate, tag):
    contents = encode("MP3", "MPEG_LAYER_III", noise(rate=rate), rate)
    check(write(tag + contents + b"TAG" + bytes(125)), *reference(contents))


def test_six_channels(write):
    for form, encoding in (("FLAC", "PCM_16"), ("OGG", "VORBIS")):
        contents = encode(form, encoding, noise(0.2, channels=6))
        check(write(contents), *reference(contents))


def test_flac_in_ogg(write):
    flac = encode("FLAC", "PCM_16")
    check(write(remux(flac, "ogg")), *reference(flac))


@pytest.mark.parametrize("seconds", [0.06, 0.3, 1.0, 30.0])
@pytest.mark.parametrize("tag", [b"", b"ID3\x03\0\0\0\0\x08\0" + bytes(1024)], ids=["plain", "tagged"])
def test_flac_without_length(write, seconds, tag):
    whole = encode("FLAC", "PCM_16", noise(seconds))
    contents = bytearray(whole)
    contents[21] &= 0xF0
    contents[22:26] = bytes(4)
    check(write(tag + bytes(contents)), *reference(whole))


def test_flac_without_length_with_blocks_of_several_sizes(write):
    """Frames then state their first sample instead of their number."""
    whole = remux(encode("WAV", "PCM_16", noise(2.0)), "flac", "flac", options={"compression_level": "8"})
    assert SoundFile(write(whole)).samples == 2 * RATE


def test_mp3_without_xing_of_changing_bit_rate(write):
    """libsndfile alone estimates the length from the first bit rate, and stops there."""
    sound = np.concatenate([noise(2.0), 1e-3 * noise(6.0)])
    contents = encode("MP3", "MPEG_LAYER_III", sound, bitrate_mode="VARIABLE", compression_level=0.5)
    bare = sounds.without_xing(contents)
    assert len(reference(bare)[0]) < 5 * RATE
    found = SoundFile(write(bare))
    assert 8 * RATE <= found.samples < 8.2 * RATE
    late = np.sqrt(np.mean(np.square(found.read()[-RATE:])))
    assert 1e-4 < late < 1e-3


def test_pieces_cut_from_the_middle_of_an_mp3(write):
    """As `ffmpeg -ss -t -c copy` writes them: the first frames refer to bytes of earlier ones."""
    contents = sounds.without_xing(encode("MP3", "MPEG_LAYER_III", noise(6.0)))
    starts, position = [], 0
    while position + 4 <= len(contents):
        starts.append(position)
        position = contents.index(contents[:2], position + 20)
        if len(starts) > 100:
            break
    for start, stop in ((starts[20], starts[90]), (starts[20] - 7, starts[90] + 11)):
        assert 1.5 * RATE < SoundFile(write(contents[start:stop])).samples < 2.1 * RATE


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("mp4", "aac", 22050),
        ("adts", "aac", 22050),
        ("matroska", "aac", 22050),
        ("webm", "libopus", 48000),
        ("asf", "wmav2", 22050),
        ("avi", "mp2", 22050),
        ("ac3", "ac3", 48000),
        ("mpegts", "aac", 22050),
        ("wv", "wavpack", 22050),
        ("flv", "aac", 22050),
    ],
)
def test_formats_of_ffmpeg(write, container, codec, rate):
    tone = 0.4 * np.sin(np.arange(3 * RATE)[:, np.newaxis] * (2 * np.pi * 440 / RATE))
    contents = remux(encode("WAV", "PCM_16", tone), container, codec, rate)
    file = SoundFile(write(contents))
    assert file.sample_rate == rate
    assert 2.9 < file.samples / rate < 3.2
    found = file.read()
    assert abs(np.sqrt(np.mean(np.square(found[rate : 2 * rate]))) - 0.283) < 0.01
    assert np.argmax(np.abs(np.fft.rfft(found[rate : 2 * rate]))) == 440


def test_a_truncated_m4a_is_refused(write, tmp_path):
    whole = remux(encode("WAV", "PCM_16", noise(10.0)), "mp4", "aac")
    options = {"movflags": "faststart"}
    with av.open(io.BytesIO(whole)) as source, av.open(str(tmp_path / "fast.m4a"), "w", "mp4", options) as target:
        track = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = track
                target.mux(packet)
    with pytest.raises(AudioError, match="truncated"):  # its index is at the end
        SoundFile(write(whole[:-2000]))
    contents = (tmp_path / "fast.m4a").read_bytes()
    assert SoundFile(write(contents)).samples >= 10 * RATE
    for keep in (0.3, 0.9):
        with pytest.raises(AudioError, match="truncated"):
            load_audio(write(contents[: int(keep * len(contents))]))
    with pytest.raises(AudioError, match="without sound"):
        SoundFile(write(_picture_only()))


def _picture_only():
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as target:
        stream = target.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            target.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        target.mux(stream.encode(None))
    return file.getvalue()


def test_without_pyav_the_reason_has_the_command(write, monkeypatch):
    path = write(remux(encode("WAV", "PCM_16"), "mp4", "aac"), "a dog.m4a")
    real = builtins.__import__

    def without_av(name, *args, **kwargs):
        if name == "av":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_av)
    with pytest.raises(AudioError) as caught:
        SoundFile(path)
    assert caught.value.reason == f"M4A or MP4 needs PyAV: pip install av, or ffmpeg -i '{path}' 'a dog.wav'"


def test_remote_files_and_names_of_any_kind(write, tmp_path):
    contents = encode("WAV", "PCM_16")
    for name in ("clip.raw", "café 1.wav", "-", "a.vox", "noending"):
        assert SoundFile(write(contents, name)).samples == RATE
    for form, encoding in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")):
        contents = encode(form, encoding)
        with tf.io.gfile.GFile(f"ram://clip.{form}", "wb") as file:
            file.write(contents)
        check(f"ram://clip.{form}", *reference(contents))
    with pytest.raises(AudioError, match="no such file"):
        SoundFile("ram://missing")


def test_standard_input(monkeypatch):
    from aac_tf.audio import source

    contents = encode("OGG", "VORBIS")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(contents)))
    source.read_standard_input.cache_clear()
    for _ in range(2):  # an attention plot reads it again
        check("-", *reference(contents))
    source.read_standard_input.cache_clear()


@pytest.mark.parametrize("big", [False, True])
def test_wav_of_rf64(write, big):
    samples = sounds.integers()
    data = samples.tobytes()
    sizes = b"ds64" + struct.pack("<IQQQI", 28, len(data) + 72, len(data), len(samples), 0)
    stated = 0xFFFFFFFF if big else len(data)
    head = b"RF64" + b"\xff" * 4 + b"WAVE" + sizes + fmt() + b"data" + struct.pack("<I", stated)
    check(write(head + data + sounds.chunk(b"LIST", b"tail")), samples / 32768, RATE)
