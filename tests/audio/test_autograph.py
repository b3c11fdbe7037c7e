"""AutoGraph writes the functions that it converts to temporary files, which a full disk or a kill makes a fault."""

import tempfile

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aac_tf.audio import DCASE2020, decode_wav
from aac_tf.audio.load import read_wavs
from aac_tf.data.features import FileFeatures, MemoryFeatures, feature_statistics
from aac_tf.data.pipeline import clip_batches, make_examples, training_batches, validation_batches
from aac_tf.datasets import Clip, ClipList
from aac_tf.text import WordTokenizer


@pytest.fixture
def wav(tmp_path, monkeypatch):
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 8000), 8000)
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "empty"))
    yield str(path)
    assert not list((tmp_path / "empty").iterdir())


def test_wav_files_in_a_graph(wav):
    contents = tf.io.read_file(wav)
    one = tf.function(lambda contents: decode_wav(contents), autograph=False)
    many = tf.function(lambda contents: read_wavs(contents, 16000), autograph=False)
    assert one(contents)[0].shape == [8000]
    assert many(contents[tf.newaxis])[1].numpy() == [16000]


def test_input_pipelines(wav):
    features = FileFeatures([wav] * 2, [DCASE2020.output_length(44100)] * 2, DCASE2020)
    clips = ClipList([Clip(f"{name}.wav", wav, ["a dog barks"]) for name in "ab"])
    tokenizer = WordTokenizer.from_captions(["a dog barks"], min_count=1, max_words=3)
    examples = make_examples(clips, tokenizer)
    for loaded in (features, MemoryFeatures(features)):
        feature_statistics(loaded)
        for batches in (
            training_batches(examples, loaded, [100], 2).take(1),
            validation_batches(examples, loaded, 2),
            clip_batches(loaded, 2),
        ):
            assert len(list(batches)) == 1
