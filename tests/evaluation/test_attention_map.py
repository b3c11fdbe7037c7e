import os
import resource
import signal

import numpy as np
import pytest
import soundfile

from aac_tf.evaluation.attention_map import as_png, attention_map, save_attention_map
from aac_tf.inference.caption import Caption, Word

EDGES = np.arange(11.0)


def test_there_is_a_row_per_word():
    waveform = np.random.default_rng(0).normal(0, 0.1, 160000).astype(np.float32)
    weights = np.full(10, 0.1, np.float32)
    text = "a dog barks and then a bell tolls"
    caption = Caption(text, -1.0, [], [Word(word, weights, 0.5, (0, 1)) for word in text.split()], EDGES)
    figure = attention_map(caption, waveform, 16000, events=[("dog", 2.5, 3.5)])
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert labels == caption.text.split()
    assert as_png(figure).startswith(b"\x89PNG")
    figure = attention_map(caption, waveform, 16000, words=["dog", "bell"])
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["dog", "bell"]
    with pytest.raises(ValueError, match="cat is not in the caption"):
        attention_map(caption, waveform, 16000, words=["cat"])


def test_the_figure_explains_its_marks_and_has_hz():
    words = [Word("dog", np.full(10, 0.1, np.float32), 0.5, (0, 1))]
    figure = attention_map(Caption("dog", -1.0, [], words, EDGES), np.zeros(160000, np.float32), 16000)
    sound, weights = figure.axes
    assert [label.get_text() for label in sound.get_yticklabels()] == ["250", "1,000", "4,000"]
    assert "Hz" in sound.get_ylabel()
    assert [text.get_text().split()[0] for text in weights.get_legend().get_texts()] == ["attention", "its"]


def test_an_empty_caption_has_a_map_too():
    assert as_png(attention_map(Caption("", -1.0, [], [], EDGES), np.zeros(1000, np.float32), 16000))


def test_the_file_has_the_given_name_and_is_whole_or_absent(tmp_path):
    sound = tmp_path / "a.wav"
    soundfile.write(sound, np.random.default_rng(0).normal(0, 0.1, 16000), 16000)
    caption = Caption("", -1.0, [], [], EDGES)
    for name, start in (("map", b"\x89PNG"), ("map.svg", b"<?xml"), ("map.PDF", b"%PDF")):
        save_attention_map(tmp_path / name, caption, sound)
        assert (tmp_path / name).read_bytes().startswith(start)
    (tmp_path / "map").write_text("before")
    # As on a full disk.
    limit, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_attention_map(tmp_path / "map", caption, sound)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "map").read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["a.wav", "map", "map.PDF", "map.svg"]
