"""Regularization and augmentation as configured."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.config import ConfigError, load_config
from aac_tf.data.preparation import build_regularization, prepare_split, training_draw
from aac_tf.data.regularization import Regularization
from aac_tf.datasets import DatasetError
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.script import Script, ScriptedSound
from aac_tf.scenes.scripted_corpus import write_scripted_scenes
from aac_tf.text import WordTokenizer


def regularization(*overrides, padding="<PAD>"):
    tokenizer = WordTokenizer.from_captions(["a dog barks"], min_count=1, max_words=6, padding=padding)
    return build_regularization(load_config(None, overrides), tokenizer)


def test_regularization_is_that_of_the_config():
    assert regularization() is None
    assert regularization("training.label_smoothing=0.1", "training.input_dropout=0.1") is None
    found = regularization("training.mixup=0.4", "embedding_specaugment.probability=0.5", "training.word_dropout=0.1")
    assert found == Regularization(mixup=0.4, masks=True, word_dropout=0.1, unknown_id=3, sampling_epochs=10)


@pytest.mark.parametrize("name", ["word_dropout", "embedding_dropout", "scheduled_sampling"])
def test_a_decoder_that_sees_no_words_is_refused(name):
    with pytest.raises(ConfigError, match=rf"training\.{name} has no effect with decoder\.kind=fixed_vector"):
        regularization("decoder.kind=fixed_vector", f"training.{name}=0.1")


def test_word_dropout_needs_an_unknown_word():
    with pytest.raises(ConfigError, match="needs <UNK> in the vocabulary"):
        regularization("training.word_dropout=0.1", padding="<END>")


class Ramp:
    """Features whose only clip counts its frames."""

    def load(self, index):
        return tf.range(40.0)[:, tf.newaxis] * tf.ones([1, 64]) + tf.cast(index, tf.float32)


def test_clips_are_shifted_before_they_are_masked():
    options = ["augmentation.shift_seconds=0.1", "specaugment.probability=0"]
    shifted = training_draw(load_config(None, options), Ramp())(tf.constant(0), tf.constant([3, 4])).numpy()
    assert sorted(shifted[:, 0]) == list(range(40))
    assert shifted[0, 0] != 0
    options[1] = "specaugment.probability=1"
    masked = training_draw(load_config(None, options), Ramp())(tf.constant(0), tf.constant([3, 4])).numpy()
    assert (masked[masked != 0] == shifted[masked != 0]).all()
    assert (masked == 0).sum() > 64
    assert training_draw(load_config(None, ["specaugment.probability=0"]), Ramp()) is None
    assert np.isfinite(masked).all()


@pytest.mark.parametrize(("kind", "value"), [("none", 7), ("yamnet", 0)])
def test_masks_of_a_spectrogram_are_not_filled_with_the_mean_of_embeddings(kind, value):
    config = load_config(None, [f"embedding.kind={kind}", "data.embedding_store=off", "specaugment.probability=1"])
    draw = training_draw(config, Ramp(), (np.full(8, 7.0), np.ones(8)))
    masked, seen = draw(tf.constant(0), tf.constant([3, 4])).numpy(), Ramp().load(0).numpy()
    assert set(masked[masked != seen]) == {value}


def test_drawn_sounds_need_stored_embeddings(tmp_path):
    bank = SyntheticBank()
    bank.drawn = {"bell": ("Gong",)}
    scripts = [Script("a bell", (ScriptedSound("bell"),), f"{index}.wav") for index in range(40)]
    write_scripted_scenes(tmp_path / "scenes", bank, scripts, {"train": 2}, min_seconds=2, max_seconds=2)
    config = load_config(None, ["data.source=scenes", f"data.root={tmp_path / 'scenes'}", "scenes.bank=null"])
    tokenizer = WordTokenizer.from_captions(["a bell"], min_count=1, max_words=6)
    with pytest.raises(DatasetError, match=r"without recordings \(Gong.*embedding\.kind=yamnet"):
        prepare_split(config, "train", tokenizer)
