"""Regularization and augmentation as configured."""

import numpy as np
import pytest
import tensorflow as tf
from drawn_bells import DrawnBells

from aac_tf.audio import YAMNET
from aac_tf.build_dataset import build_dataset
from aac_tf.config import ConfigError, load_config
from aac_tf.data.preparation import (
    build_regularization,
    file_features,
    prepare_split,
    read_clips,
    stored_features,
    training_draw,
)
from aac_tf.data.regularization import Regularization
from aac_tf.datasets import DatasetError
from aac_tf.embeddings.windowed_encoder import WindowedEncoder
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


TOKENIZER = WordTokenizer.from_captions(["a bell"], min_count=1, max_words=6)


class Bands(WindowedEncoder):
    """Takes the means of eight bands for embeddings, and scores them linearly."""

    spec, width, checksum, class_names = YAMNET, 8, "bands", ("Gong", "Bark", "Meow", "Crow", "Rain")
    _network = staticmethod(lambda windows: tf.reduce_mean(tf.reshape(windows, [-1, 96, 8, 8]), axis=[1, 3]))

    @property
    def classifier(self):
        return np.eye(8, 5, dtype=np.float32), np.full(5, -3, np.float32)


@pytest.fixture(scope="module")
def drawn_scenes(tmp_path_factory):
    """Scenes with dogs, half of which also have a bell that is drawn, and none for validation."""
    bank, root = DrawnBells(), tmp_path_factory.mktemp("drawn") / "scenes"
    dog, bell = ScriptedSound("dog bark"), ScriptedSound("bell", 1, 1)
    scripts = [Script("a dog", (dog,), f"{index}.wav") for index in range(20)]
    scripts += [Script("a dog and a bell", (dog, bell), f"{index}.wav") for index in range(20)]
    write_scripted_scenes(root, bank, scripts, {"train": 24}, min_seconds=3, max_seconds=4)
    return root


def drawn_config(root, *overrides):
    return load_config(None, ["data.source=scenes", f"data.root={root}", "scenes.bank=null", *overrides])


def test_drawn_sounds_need_stored_embeddings(drawn_scenes):
    with pytest.raises(DatasetError, match=r"stand-ins of other sounds \(Gong\).*yamnet, and data\.embedding_store=on"):
        prepare_split(drawn_config(drawn_scenes), "train", TOKENIZER)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["embedding.kind=yamnet"], True),
        (["embedding.kind=yamnet", "data.embedding_store=off"], False),
        (["embedding.kind=ast"], False),
        (["embedding.kind=none"], False),
    ],
)
def test_scenes_are_composed_with_stand_ins_only_if_their_embeddings_can_be_drawn(tmp_path, overrides, expected):
    assert build_dataset(drawn_config(tmp_path, *overrides)).stand_ins is expected


@pytest.mark.parametrize("cache", ["memory", "none"])
@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
def test_embeddings_are_drawn_in_all_views_of_the_scenes_that_need_it(drawn_scenes, tmp_path, cache, several):
    stored = ["embedding.kind=yamnet", "data.embedding_store=2", f"data.embedding_folder={tmp_path}"]
    stored += ["specaugment.probability=0.5", "specaugment.max_bins=8", f"data.cache={cache}"]
    config = drawn_config(drawn_scenes, *stored)
    if several:
        part = f"{{source: scenes, root: {drawn_scenes}}}"
        config = load_config(None, [f"data.sources=[{part}, {part}]", "scenes.bank=null", *stored])
    found, embedder = prepare_split(config, "train", TOKENIZER, Bands()), Bands()
    clips, events = found.clips, build_dataset(config).events("train")
    assert len(clips) == (48 if several else 24)
    _, files = file_features(config, clips)
    plain = stored_features(config, clips, files, embedder, augmented=True)
    for index, clip in enumerate(clips):
        drawn = any(event.drawn for event in events[clip.name].events)
        for view in range(3):
            row = tf.constant(view * len(clips) + index)
            same = np.array_equal(found.features._rows.load(row), plain._rows.load(row))
            assert same != drawn


def test_too_few_scenes_without_stand_ins_are_refused_before_any_is_embedded(drawn_scenes, tmp_path):
    class NotYet(Bands):
        width = 10_000

        def _network(self, windows):
            raise AssertionError("it embeds")

    store = ["embedding.kind=yamnet", f"data.embedding_folder={tmp_path}"]
    with pytest.raises(DatasetError, match=r"clips without such sounds are needed.*compose more scenes"):
        prepare_split(drawn_config(drawn_scenes, *store), "train", TOKENIZER, NotYet())


def test_scenes_held_out_for_validation_are_heard_as_they_are(drawn_scenes):
    config = drawn_config(drawn_scenes, "data.validation_fraction=0.5")
    events = build_dataset(config).events("validation")
    clips = read_clips(config, "validation")
    assert len(clips)
    assert not any(event.drawn for clip in clips for event in events[clip.name].events)
    assert {reason for _, reason in clips.left_out} == {
        "has a sound that stands in for Gong, whose embeddings are drawn in training alone"
    }
    assert len(clips) + len(clips.left_out) == 12
