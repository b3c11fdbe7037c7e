"""Styles of captions in CSV files and configs."""

import pytest
from dataset_files import touch, write_csv

from aac_tf.build import build_dataset
from aac_tf.config import ConfigError, load_config
from aac_tf.data.preparation import fit_tokenizer
from aac_tf.datasets import Clip, DatasetError, Manifest
from aac_tf.text import StyleError


@pytest.fixture
def root(tmp_path):
    columns = ["file_name", "style", "caption_1", "caption_2"]
    write_csv(tmp_path / "train.csv", columns, ["a.wav", "clotho", "rain", "it rains"], ["b.wav", "", "a dog", ""])
    touch(tmp_path / "a.wav", tmp_path / "b.wav")
    return tmp_path


def test_a_column_gives_the_style_of_a_clip(root):
    clips = Manifest(root).clips("train")
    assert [(clip.captions, clip.style) for clip in clips] == [(["rain", "it rains"], "clotho"), (["a dog"], None)]


def test_a_clip_has_one_style(tmp_path):
    write_csv(
        tmp_path / "train.csv", ["file_name", "caption", "style"], ["a.wav", "x", "terse"], ["a.wav", "y", "wordy"]
    )
    with pytest.raises(DatasetError, match=r"captions of a\.wav have different styles, 'terse' and 'wordy'"):
        Manifest(tmp_path).clips("train")


@pytest.mark.parametrize("style", ["none", "", "two words", "a>b", "line\n"])
def test_styles_are_words(style):
    with pytest.raises(DatasetError, match=r"style of clip a\.wav must be a word"):
        Clip("a.wav", "a.wav", ["x"], style=style)


def test_sources_have_styles(root):
    source = f"{{source: manifest, root: {root}, style: macs}}"
    config = load_config(None, [f"data.sources=[{source}]", "vocabulary.min_count=1", "decoding.style=macs"])
    assert [clip.style for clip in build_dataset(config).clips("train")] == ["clotho", "macs"]
    assert list(fit_tokenizer(config).styles) == ["clotho", "macs"]
    config.decoding.style = "audiocaps"
    with pytest.raises(StyleError, match="it knows clotho, macs"):
        fit_tokenizer(config)


def test_a_decoder_that_ignores_tokens_cannot_learn_styles(root):
    data = ["data.source=manifest", f"data.root={root}", "vocabulary.min_count=1"]
    with pytest.raises(ConfigError, match=r"decoder\.kind=fixed_vector cannot learn the styles clotho"):
        fit_tokenizer(load_config(None, [*data, "decoder.kind=fixed_vector"]))
