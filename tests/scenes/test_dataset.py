import inspect

import numpy as np
import pytest
from contracts.dataset import check_dataset
from dataset_files import write_csv
from scipy.io import wavfile

from aac_tf.config.schema import ScenesConfig
from aac_tf.datasets import SPLITS, DatasetError, HeldOut, Mixture
from aac_tf.scenes import Scenes
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.corpus import write_scenes

SMALL = {"train": 4, "validation": 1, "test": 2, "min_seconds": 2.0, "max_seconds": 4.0}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    dataset = Scenes(tmp_path_factory.mktemp("corpus") / "scenes", **SMALL)
    reports = {}
    dataset.prepare(lambda what: lambda done, total: reports.setdefault(what, []).append((done, total)))
    assert reports == {"Composing scenes": [(done, 7) for done in range(1, 8)]}
    return dataset


def test_contract(scenes):
    check_dataset(scenes, SPLITS)
    check_dataset(Mixture([("scenes", scenes, 2)]), SPLITS)
    assert [len(scenes.clips(split)) for split in SPLITS] == [4, 1, 2]
    assert set(scenes.events("test")) == {clip.name for clip in scenes.clips("test")}


def test_its_options_are_those_of_the_config():
    options = list(inspect.signature(Scenes).parameters.values())[1:]
    assert {option.name: option.default for option in options} == vars(ScenesConfig())


def test_scenes_that_are_not_composed_yet(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no scenes; prepare\(\) composes them"):
        Scenes(tmp_path / "scenes", **SMALL).clips("train")


def test_a_corpus_without_a_validation_split(tmp_path):
    write_scenes(tmp_path / "scenes", SyntheticBank(), {"train": 4}, min_seconds=2, max_seconds=3)
    dataset = Scenes(tmp_path / "scenes")
    assert dataset.clips("validation") is None
    assert dataset.events("validation") is None
    with pytest.raises(DatasetError, match="no validation split; it has train"):
        dataset.require("validation")
    held_out = HeldOut(dataset, 0.25, seed=0)
    assert [len(held_out.clips(split)) for split in ("train", "validation")] == [3, 1]
    assert held_out.clips("validation")[0].name in held_out.events("validation")


def test_a_bank_of_recordings(tmp_path):
    rng = np.random.default_rng(0)
    rows = [(f"{category}{index}.wav", category) for category in ("rain", "gong") for index in range(4)]
    write_csv(tmp_path / "bank" / "labels.csv", ["file_name", "category"], *rows)
    for name, _ in rows:
        wavfile.write(tmp_path / "bank" / name, 16000, rng.uniform(-1, 1, 16000).astype(np.float32))
    reports = []
    dataset = Scenes(tmp_path / "scenes", bank=tmp_path / "bank", **SMALL)
    dataset.prepare(lambda what: lambda done, total: reports.append((what, done, total)))
    assert ("Reading the bank of sounds", 8, 8) in reports
    assert {event.category for scene in dataset.events("train").values() for event in scene.events} == {"rain", "gong"}
    check_dataset(dataset, SPLITS)


def test_errors_of_the_options(tmp_path):
    with pytest.raises(DatasetError, match="min_seconds"):
        Scenes(tmp_path / "scenes", min_seconds=5.0, max_seconds=4.0).prepare()
    with pytest.raises(DatasetError, match="12000 Hz"):
        Scenes(tmp_path / "scenes", sample_rate=8000).prepare()
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        Scenes(tmp_path / "scenes", bank=tmp_path / "nowhere").prepare()
