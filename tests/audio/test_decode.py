import io

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aac_tf.audio import decode_audio, error_reason

RATE = 22050
in_graph = tf.function(decode_audio, input_signature=[tf.TensorSpec([], tf.string)])


def encode(form, encoding, channels=2, samples=20000, rate=RATE):
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, [samples, channels])
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=form, subtype=encoding)
    return file.getvalue()


def reason_for(contents):
    with pytest.raises(tf.errors.OpError) as caught:
        in_graph(contents)
    return error_reason(str(caught.value))


FORMATS = [
    ("WAV", "PCM_16"),
    ("FLAC", "PCM_S8"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("form", "encoding"), FORMATS)
def test_agrees_with_soundfile(form, encoding, channels):
    contents = encode(form, encoding, channels)
    expected, _ = soundfile.read(io.BytesIO(contents), always_2d=True)
    for decode in (in_graph, decode_audio):
        waveform, rate = decode(contents)
        assert rate == RATE
        np.testing.assert_allclose(waveform, expected.mean(axis=1), rtol=0, atol=2e-6)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 24000, 32000, 44100, 48000])
def test_sample_rate_of_mp3(rate):
    contents = encode("MP3", "MPEG_LAYER_III", 1, rate=rate)
    for tag in (b"", b"ID3\x03\0\0\0\0\x08\0" + bytes(1024)):
        assert in_graph(tag + contents)[1] == rate


def test_six_channels():
    for form, encoding in (("FLAC", "PCM_16"), ("OGG", "VORBIS")):
        contents = encode(form, encoding, 6, 5000)
        expected, _ = soundfile.read(io.BytesIO(contents))
        np.testing.assert_allclose(in_graph(contents)[0], expected.mean(axis=1), rtol=0, atol=2e-6)


@pytest.mark.parametrize(("form", "encoding"), FORMATS)
def test_truncated_files_are_errors(form, encoding):
    contents = encode(form, encoding)
    for keep in (0.3, 0.6, 0.95):
        reason = reason_for(contents[: int(keep * len(contents))])
        assert reason.startswith("truncated"), reason


def test_ogg_without_its_last_page_is_truncated():
    contents = encode("OGG", "VORBIS", samples=100000)
    last_page = contents.rindex(b"OggS")
    assert "last page" in reason_for(contents[:last_page])


@pytest.mark.parametrize("channels", [1, 2])
def test_flac_cut_between_two_frames_is_truncated(channels):
    # tensorflow-io alone never returns from these.
    contents = encode("FLAC", "PCM_16", channels)
    starts = [i for i in range(len(contents) - 1) if contents[i] == 0xFF and contents[i + 1] in (0xF8, 0xF9)]
    assert len(starts) > 3
    for start in starts[1:]:
        assert reason_for(contents[:start]).startswith("truncated")


def test_damage_inside_a_flac_is_detected():
    # tensorflow-io alone fills in silence.
    contents = bytearray(encode("FLAC", "PCM_16"))
    contents[len(contents) // 2] ^= 0x10
    assert reason_for(bytes(contents)) == "truncated or damaged FLAC file"


def test_a_tag_after_a_flac_is_not_damage():
    contents = encode("FLAC", "PCM_16")
    assert in_graph(contents + b"TAG" + bytes(range(125)))[0].shape == [20000]


def test_flac_of_unknown_length_is_rejected():
    contents = bytearray(encode("FLAC", "PCM_16"))
    contents[21] &= 0xF0
    contents[22:26] = bytes(4)
    assert "number of samples" in reason_for(bytes(contents))


@pytest.mark.parametrize(
    "contents",
    [b"x", b"hello world " * 500, bytes(5000), b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20, b"\xff\xfb" * 3000],
    ids=["one byte", "text", "zeros", "jpeg", "sync words only"],
)
def test_other_files_are_rejected(contents):
    assert reason_for(contents) == "not a WAV, FLAC, Ogg Vorbis or MP3 file"


def test_opus_is_rejected():
    assert "not Vorbis" in reason_for(encode("OGG", "OPUS", rate=48000))


def test_empty_contents():
    assert reason_for(b"") == "the file is empty"
