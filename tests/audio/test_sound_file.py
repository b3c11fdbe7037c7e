import concurrent.futures
import struct

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aac_tf.audio import AudioError, SoundFile, libsndfile, load_audio, read_audio, sound_file

FORMATS = {
    "clip.wav": "PCM_16",
    "float.wav": "FLOAT",
    "clip.flac": "PCM_16",
    "eight.flac": "PCM_S8",
    "fine.flac": "PCM_24",
    "clip.ogg": "VORBIS",
    "clip.mp3": "MPEG_LAYER_III",
}


@pytest.fixture
def write(tmp_path):
    def write(name, seconds=5.3, rate=22050, channels=2, **kwargs):
        sound = np.random.default_rng(list(name.encode())).uniform(-0.5, 0.5, [int(seconds * rate), channels])
        path = tmp_path / name
        soundfile.write(path, sound, rate, **kwargs)
        return path

    return write


@pytest.fixture
def short_parts(monkeypatch):
    monkeypatch.setattr(sound_file, "PART_SECONDS", 2)
    monkeypatch.setattr(sound_file, "WHOLE_SECONDS", 0)
    monkeypatch.setattr(libsndfile, "BLOCK_VALUES", 44100)


@pytest.mark.parametrize("rate", [None, 16000, 44100, 22051])
@pytest.mark.parametrize("name", FORMATS)
def test_parts_equal_the_whole_file(write, short_parts, name, rate):
    path = write(name, subtype=FORMATS[name])
    parts = list(SoundFile(path).parts(rate))
    assert len(parts) == 3
    expected = read_audio(str(path), rate or 22050)
    np.testing.assert_allclose(tf.concat(parts, axis=0), expected, rtol=0, atol=2e-6)
    found, found_rate = load_audio(path, rate)
    assert (found.shape, found_rate) == (expected.shape, rate or 22050)


@pytest.mark.parametrize("rates", [(22050, 16000), (44101, 16001), (16001, 44101)])
@pytest.mark.parametrize("seconds", [2, 4, 4.0001, 1.99])
def test_lengths(write, short_parts, rates, seconds):
    """For last parts of any length, and for rates whose ratio is approximated."""
    path = write("clip.wav", seconds, rates[0], 1)
    found, _ = load_audio(path, rates[1])
    np.testing.assert_allclose(found, read_audio(str(path), rates[1]), rtol=0, atol=2e-6)


def test_attributes(write):
    file = SoundFile(str(write("clip.flac", 1.5, 8000)))
    assert (file.sample_rate, file.samples, type(file.samples)) == (8000, 12000, int)


@pytest.mark.parametrize("size", [40, 65480, 65486, 65488, 65492, 200000])
def test_wav_with_a_large_chunk_before_the_samples(write, size):
    path = write("clip.wav", 1.0)
    expected, _ = load_audio(path)
    contents = path.read_bytes()
    note = b"JUNK" + size.to_bytes(4, "little") + bytes(size)
    path.write_bytes(contents[:36] + note + contents[36:])
    np.testing.assert_array_equal(load_audio(path)[0], expected)


def test_wav_with_64_bit_sizes(write):
    path = write("clip.wav", 1.0)
    contents, expected = path.read_bytes(), load_audio(path)[0]
    assert contents[36:40] == b"data"
    sizes = b"ds64" + struct.pack("<IQQQI", 28, len(contents) + 28, len(contents) - 44, len(expected), 0)
    large = b"RF64" + b"\xff" * 4 + b"WAVE" + sizes + contents[12:40] + b"\xff" * 4 + contents[44:]
    path.write_bytes(large + b"LIST" + struct.pack("<I", 4) + bytes(4))  # not samples
    np.testing.assert_array_equal(load_audio(path)[0], expected)
    np.testing.assert_array_equal(read_audio(str(path), 22050), expected)


def test_file_that_shrinks_while_being_read(write, short_parts):
    path = write("clip.wav")
    parts = SoundFile(path).parts()
    next(parts)
    path.write_bytes(path.read_bytes()[:250001])
    with pytest.raises(AudioError, match="truncated"):
        list(parts)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_samples_in_any_part_are_reported_at_the_end(tmp_path, short_parts, bad):
    path = tmp_path / "clip.wav"
    sound = np.zeros(60000)
    sound[30000] = bad
    soundfile.write(path, sound, 8000, subtype="FLOAT")
    parts = SoundFile(path).parts(16000)
    assert [len(next(parts)) for _ in range(4)] == [32000, 32000, 32000, 24000]
    with pytest.raises(AudioError, match="NaN or infinite"):
        next(parts)
    sound[30000] = 0.0
    soundfile.write(path, sound, 8000, subtype="FLOAT")
    with pytest.raises(AudioError, match="silent"):
        list(SoundFile(path).parts(16000))


def test_one_audible_part_is_enough(tmp_path, short_parts):
    path = tmp_path / "clip.wav"
    sound = np.zeros(60000)
    sound[30000] = 0.5
    soundfile.write(path, sound, 8000)
    waveform, _ = load_audio(path, 16000)
    assert waveform.shape == [120000]
    assert np.argmax(waveform) == 60000


def test_files_are_read_in_threads(write, short_parts):
    paths = [write(f"{index}{name}", 3 + index / 7, channels=1) for index in range(8) for name in (".flac", ".ogg")]
    expected = [load_audio(path, 16000)[0] for path in paths]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(lambda path: load_audio(path, 16000)[0], paths), expected):
            np.testing.assert_array_equal(found, wanted)


def test_tags_around_compressed_audio(write, short_parts):
    tag = b"ID3\x03\0\0\0\0\x08\0" + bytes(1024)
    for name in ("clip.flac", "clip.mp3"):
        path = write(name)
        expected = tf.concat(list(SoundFile(path).parts()), axis=0)
        path.write_bytes(tag + path.read_bytes() + b"TAG" + bytes(range(125)))
        np.testing.assert_array_equal(tf.concat(list(SoundFile(path).parts()), axis=0), expected)


@pytest.mark.parametrize(("rate", "seconds"), [(8000, 0.4), (8000, 3.0), (44100, 3.0), (44100, 150)])
def test_flac_of_any_number_of_frames(write, short_parts, rate, seconds):
    """A single frame, a short last frame, a frame number of several bytes."""
    path = write("clip.flac", seconds, rate, 1)
    assert SoundFile(path).samples == int(seconds * rate)


@pytest.mark.parametrize("name", ["clip.ogg", "clip.mp3"])
def test_long_sounds_are_not_kept(write, monkeypatch, name):
    """Their length only decoding tells; longer than `WHOLE_SECONDS` they are decoded again for each use."""
    monkeypatch.setattr(sound_file, "WHOLE_SECONDS", 4)
    short, long = SoundFile(write(name, 0.5)), SoundFile(write(name, 30))
    assert (short.samples, long.samples) == (11025, 661500)
    assert (short._kept is None, long._kept is None) == (False, True)
    assert sum(len(part) for part in long.parts()) == len(long.read()) == 661500


@pytest.mark.parametrize("name", ["clip.wav", "clip.flac", "clip.ogg", "clip.mp3"])
def test_decoding_in_blocks_gives_the_whole(write, monkeypatch, name):
    """soundfile seeks after every read, after which Ogg files give other samples."""
    path = write(name, 9.7)
    expected = soundfile.read(path, dtype="float32")[0].mean(axis=1)
    monkeypatch.setattr(libsndfile, "BLOCK_VALUES", 7001)
    np.testing.assert_allclose(SoundFile(path).read(), expected, rtol=0, atol=1e-6)
