"""Kinds of faulty files that people have: read in full, or refused with the reason."""

import logging
import os
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import sound_files as sounds
import soundfile
import tensorflow as tf
from sound_files import RATE, chunk, encode, fmt, integers, noise, remux, riff

from aac_tf.audio import AudioError, SoundFile, decode_wav, error_reason, load_audio, read_audio, readers


@pytest.fixture
def write(tmp_path):
    def write(contents, name="clip.wav"):
        path = tmp_path / name
        path.write_bytes(contents)
        return path

    return write


def reason_for(path):
    """The reason why a file is refused, by every way of reading."""
    with pytest.raises(AudioError) as caught:
        load_audio(path)
    with pytest.raises(tf.errors.InvalidArgumentError) as in_graph:
        read_audio(str(path), RATE)
    assert error_reason(str(in_graph.value)) == caught.value.reason
    return caught.value.reason


def with_size(size, samples, riff_size=None, tail=b""):
    data = samples.tobytes()
    riff_size = len(data) + 36 if riff_size is None else riff_size
    return b"RIFF" + struct.pack("<I", riff_size) + b"WAVE" + fmt() + b"data" + struct.pack("<I", size) + data + tail


@pytest.mark.parametrize("excess", [1, 2, 8, 36, 44])
def test_wav_sizes_that_are_slightly_too_large(write, caplog, excess):
    samples = integers()
    contents = with_size(2 * len(samples) + excess, samples)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(load_audio(write(contents))[0], samples / 32768)
    assert f"states {2 * len(samples) + excess} bytes of audio, but {2 * len(samples)} follow" in caplog.text
    np.testing.assert_array_equal(decode_wav(contents)[0], samples / 32768)


@pytest.mark.parametrize("size", [0x80000000, 0x7FFFFFFF, 0xFFFFFF00, 0x7FFFFFD0, 0x7FFFFFDC, 0x7FFFF001, 0xFFFFFFDB])
def test_wav_sizes_near_the_limits(write, caplog, size):
    samples = integers()
    contents = with_size(size, samples)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(load_audio(write(contents))[0], samples / 32768)
    assert "all read" in caplog.text
    np.testing.assert_array_equal(read_audio(str(write(contents)), RATE), samples / 32768)
    np.testing.assert_array_equal(decode_wav(contents)[0], samples / 32768)


@pytest.mark.parametrize(
    ("riff_size", "data_size"),
    [(0xFFFFFFFF, 0xFFFFFFFF), (0, 0), (36, 0), (0xFFFFFFFF, 0), (0x7FFFF024, 0x7FFFF000)],
    ids=["ffmpeg", "zeros", "never patched", "mixed", "sox"],
)
def test_wav_sizes_left_open_need_no_warning(write, caplog, riff_size, data_size):
    samples = integers()
    with caplog.at_level(logging.WARNING):
        found = load_audio(write(with_size(data_size, samples, riff_size, b"\1")))[0]
    np.testing.assert_array_equal(found, samples / 32768)
    assert not caplog.records


@pytest.mark.parametrize("missing", [45, 46, 1000, 15900])
def test_cut_wav(write, missing):
    contents = with_size(16000, integers())[:-missing]
    assert reason_for(write(contents)) == f"truncated: expected 16000 bytes of audio, found {16000 - missing}"
    with pytest.raises(tf.errors.InvalidArgumentError, match="truncated"):
        decode_wav(contents)


def test_several_data_chunks(write):
    samples = integers()
    parts = [chunk(b"data", part.tobytes()) for part in np.split(samples, [3000, 5000])]
    contents = riff(fmt(), parts[0], chunk(b"LIST", b"between"), *parts[1:])
    np.testing.assert_array_equal(load_audio(write(contents))[0], samples / 32768)
    with pytest.raises(tf.errors.InvalidArgumentError, match="several data chunks"):
        decode_wav(contents)
    assert "truncated" in reason_for(write(contents[:-10]))


@pytest.mark.parametrize(("channels", "bits", "block"), [(2, 16, 2), (1, 16, 1), (1, 24, 4), (2, 16, 3), (1, 32, 2)])
def test_blocks_that_contradict_the_channels(write, channels, bits, block):
    contents = riff(fmt(channels, bits, block=block), chunk(b"data", integers().tobytes()))
    needed = channels * bits // 8
    reason = f"damaged WAV file: its block size is {block}, but {channels}-channel {bits}-bit samples need {needed}"
    assert reason_for(write(contents)) == reason
    with pytest.raises(tf.errors.InvalidArgumentError, match=reason):
        decode_wav(contents)


def test_antiphase_is_not_silence(write):
    left = noise()
    contents = encode("WAV", "PCM_16", np.concatenate([left, -0.999 * left], axis=1))
    for found in (load_audio(write(contents))[0], decode_wav(contents)[0], read_audio(str(write(contents)), RATE)):
        np.testing.assert_allclose(found, left[:, 0], atol=1e-4)


CUT = [
    ("WAV", "PCM_16"),
    ("WAV", "IMA_ADPCM"),
    ("RF64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("CAF", "PCM_16"),
    ("W64", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("form", "encoding"), CUT)
def test_cut_files(write, form, encoding, channels):
    contents = encode(form, encoding, noise(3.0, channels=channels))
    for keep in (0.1, 0.5, 0.95):
        assert "truncated" in reason_for(write(contents[: int(keep * len(contents))]))


@pytest.mark.parametrize(("form", "kept"), [("AIFF", 6), ("AU", 6), ("W64", 10)])
def test_files_cut_in_their_header(write, form, kept):
    assert "header is incomplete" in reason_for(write(encode(form)[:kept]))


def test_ogg_without_its_last_page(write):
    pages = sounds.ogg_pages(encode("OGG", "VORBIS", noise(5.0)))
    assert len(pages) > 4
    assert reason_for(write(b"".join(pages[:-1]))) == "truncated Ogg file: its last page is missing or incomplete"


def test_flac_cut_between_frames_or_damaged(write):
    contents = encode("FLAC", "PCM_16", noise(3.0))
    starts = [place for place in range(len(contents)) if contents[place : place + 2] == b"\xff\xf8"]
    assert len(starts) > 3
    damaged = bytearray(contents)
    damaged[len(damaged) // 2] ^= 0x10
    for broken in (*(contents[:start] for start in starts[1:]), bytes(damaged)):
        assert reason_for(write(broken)).startswith("truncated or damaged")


def test_joined_mp3_files(write):
    first, second = (encode("MP3", "MPEG_LAYER_III", noise(2.0, seed=seed)) for seed in (0, 1))
    tag = b"ID3\x03\0\0\0\0\x08\0" + bytes(1024)
    expected = np.concatenate([SoundFile(write(one)).read() for one in (first, second)])
    for contents in (first + second, tag + first + b"TAG" + bytes(125) + tag + second):
        np.testing.assert_array_equal(SoundFile(write(contents)).read(), expected)
    bare = first + sounds.without_xing(second)
    assert SoundFile(write(bare)).samples >= 4 * RATE


@pytest.mark.parametrize("lengths", [(1.0, 0.5), (0.3, 0.4, 0.5)])
@pytest.mark.parametrize("tag", [b"", b"ID3\x03\0\0\0\0\x08\0" + bytes(1024)], ids=["plain", "tagged"])
def test_joined_flac_files(write, monkeypatch, lengths, tag):
    monkeypatch.setattr(readers, "_SCAN_BYTES", 1001)
    parts = [noise(seconds, seed=index) for index, seconds in enumerate(lengths)]
    contents = b"".join(tag + encode("FLAC", sound=part) for part in parts)
    found = SoundFile(write(contents))
    assert found.samples == sum(map(len, parts))
    np.testing.assert_allclose(found.read(), np.concatenate(parts)[:, 0], atol=4e-5)


def test_mp2(write, monkeypatch):
    path = write(remux(encode("WAV", sound=noise(3.0)), "mp2", "mp2", RATE), "my clip.mp2")
    assert len(load_audio(path)[0]) == pytest.approx(3 * RATE, abs=2 * 1152)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match=r"MP2 needs PyAV: pip install av, or ffmpeg -i .*my clip.mp2' 'my clip.wav'"):
        load_audio(path)


def test_joined_mp3_files_of_different_rates(write):
    contents = encode("MP3", "MPEG_LAYER_III") + encode("MP3", "MPEG_LAYER_III", noise(rate=16000), 16000)
    assert reason_for(write(contents)) == "MP3 file with parts of different sample rates: 22050, 16000 Hz"


def test_mp3_whose_header_states_too_few_frames(write):
    contents = encode("MP3", "MPEG_LAYER_III", noise(4.0))
    place = contents.index(b"Xing") + 8
    wrong = contents[:place] + struct.pack(">I", 10) + contents[place + 4 :]
    assert 4 * RATE <= SoundFile(write(wrong)).samples < 4.2 * RATE


def test_chained_ogg(write):
    parts = [encode("OGG", "VORBIS", noise(2.0, channels=channels, seed=channels)) for channels in (1, 2)]
    expected = np.concatenate([SoundFile(write(part)).read() for part in parts])
    np.testing.assert_array_equal(SoundFile(write(parts[0] + parts[1])).read(), expected)
    parts[1] = encode("OGG", "VORBIS", noise(rate=16000), 16000)
    assert reason_for(write(parts[0] + parts[1])) == "Ogg file with parts of different sample rates: 22050, 16000 Hz"


def test_ogg_with_a_huge_position(write):
    pages = sounds.ogg_pages(encode("OGG", "VORBIS"))
    last = bytearray(pages[-1])
    last[6:14] = struct.pack("<q", 2**62)
    last[22:26] = bytes(4)
    last[22:26] = struct.pack("<I", _ogg_checksum(last))
    file = SoundFile(write(b"".join(pages[:-1]) + bytes(last)))
    assert RATE <= file.samples <= RATE + 4096


def _ogg_checksum(page):
    remainder = 0
    for byte in page:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x104C11DB7 if remainder & 0x80000000 else 0)
    return remainder


def test_headers_that_ask_for_terabytes(write):
    """Memory is bounded by parts, and the stated length is not there."""
    contents = bytearray(encode("FLAC", "PCM_16"))
    contents[21] |= 0x0F
    contents[22:26] = b"\xff" * 4
    assert reason_for(write(bytes(contents))).startswith("truncated or damaged")


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "a web page (HTML), not a sound: the download failed"),
        (b"\xef\xbb\xbf  <HTML>", "a web page (HTML), not a sound: the download failed"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            "a Git LFS pointer, not a sound: git lfs pull fetches the sound",
        ),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "a PNG image, not a sound"),
        (b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20, "a JPEG image, not a sound"),
        (b"%PDF-1.7 " + bytes(500), "a PDF file, not a sound"),
        (b"PK\x03\x04" + bytes(500), "a ZIP archive, not a sound: unpack it"),
        (b"MThd" + bytes(500), "MIDI, not a sound: it contains notes, not sound"),
        (b"x", "not a sound file, or one of an unknown format"),
        (b"Great " * 500, "not a sound file, or one of an unknown format"),
        (b"hello world " * 500, "not a sound file, or one of an unknown format"),
        (bytes(5000), "not a sound file, or one of an unknown format"),
        (b"\xff\xfb" * 3000, "not a sound file, or one of an unknown format"),
    ],
)
def test_what_is_not_a_sound_is_called_by_its_name(write, contents, reason):
    assert reason_for(write(contents)) == reason


@pytest.mark.parametrize("size", [5, 50, 600, 5000, 60000])
def test_random_bytes_are_not_taken_for_mp3(write, size):
    for seed in range(20):
        contents = np.random.default_rng(seed).bytes(size)
        assert not reason_for(write(contents)).startswith("truncated MP3")


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")
def test_pipes_and_devices_are_refused_before_they_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    began = time.monotonic()
    for path in (tmp_path / "pipe.wav", "/dev/zero", "/dev/null"):
        assert reason_for(path) == "not a regular file"
    assert reason_for(tmp_path) == "a directory, not a file"
    assert time.monotonic() - began < 5


def test_the_reader_needs_no_tensorflow_io(write):
    paths = [str(write(encode(form), f"clip.{form.lower()}")) for form in ("WAV", "FLAC", "OGG", "MP3")]
    program = (
        "import sys; sys.modules['tensorflow_io'] = None\n"
        "from aac_tf.audio import load_audio\n"
        f"assert all(load_audio(path)[1] == {RATE} for path in {paths!r})\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


_BLOCK = "damaged WAV file: its block size is {}, but {}-channel 16-bit samples need {}"
SECONDS = {
    "a_aac.m4a": 6.0,
    "a_opus.webm": 6.0,
    "aiff.aiff": 6.0,
    "base.wav": 6.0,
    "c_ima.wav": 6.0,
    "c_mulaw8k.wav": 6.0,
    "ch_antiphase.wav": 6.0,
    "cutcopy_m_vbr2.mp3": 2.0,
    "f_unknown_length.flac": 6.0,
    "float_1e30.wav": "samples beyond ±10000: full scale is 1",
    "granule_2_62.ogg": 1.0,
    "m_concat.mp3": 12.0,
    "mp3_xing_says_10_frames_holds_56.mp3": 2.05,
    "o_chained.ogg": 12.0,
    "o_flac.ogg": 6.0,
    "o_opus.opus": 6.0,
    "seg_001.mp3": 2.0,
    "segcopy_001.mp3": 2.0,
    "t_float_int16scaled.wav": "samples beyond ±10000: full scale is 1",
    "w64.w64": 6.0,
    "w_html.wav": "a web page (HTML), not a sound: the download failed",
    "w_lfs_pointer.wav": "a Git LFS pointer, not a sound: git lfs pull fetches the sound",
    "w_rifx.wav": 6.0,
    "w_size_7fffffff.wav": 6.0,
    "w_size_80000000.wav": 6.0,
    "w_size_plus44.wav": 6.0,
    "w_two_data.wav": 6.0,
    "wav_2_channels_block_2_of_16_bits.wav": _BLOCK.format(2, 2, 4),
    "wav_block_1_of_16_bits.wav": _BLOCK.format(1, 1, 2),
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", SECONDS)
def test_real_faults(real_data, name):
    path = real_data / "faults" / name
    if isinstance(SECONDS[name], str):
        assert reason_for(path) == SECONDS[name]
        return
    waveform, rate = load_audio(path)
    assert abs(len(waveform) / rate - SECONDS[name]) < 0.03
    np.testing.assert_allclose(read_audio(str(path), rate), waveform, atol=1e-6)
    exact = {"aiff.aiff", "f_unknown_length.flac", "o_flac.ogg", "w64.w64", "ch_antiphase.wav"}
    if name in exact or (name.startswith("w_") and "mulaw" not in name):
        expected, _ = soundfile.read(real_data / "faults" / "base.wav", dtype="float32")
        np.testing.assert_allclose(waveform, expected, atol=1e-6)


@pytest.mark.real_data
def test_every_real_fault_has_an_expected_result(real_data):
    assert {path.name for path in (real_data / "faults").iterdir() if path.suffix != ".csv"} == set(SECONDS)


def test_ffmpeg_reads_what_libsndfile_lacks_in_wav(write):
    contents = remux(encode("WAV", "PCM_16", noise(2.0)), "wav", "wmav2")
    assert 1.9 < SoundFile(write(contents)).samples / RATE < 2.2
