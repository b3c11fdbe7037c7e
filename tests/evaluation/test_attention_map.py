import numpy as np
import pytest

from aac_tf.evaluation.attention_map import as_png, attention_map
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


def test_an_empty_caption_has_a_map_too():
    assert as_png(attention_map(Caption("", -1.0, [], [], EDGES), np.zeros(1000, np.float32), 16000))
