import inspect
import pathlib
import sys
import types

import numpy as np
import pytest
from contracts.dataset import check_dataset
from dataset_files import write_csv
from scipy.io import wavfile

from aac_tf.build_dataset import build_dataset
from aac_tf.config import load_config
from aac_tf.config.schema import ScenesConfig
from aac_tf.data.preparation import fit_tokenizer
from aac_tf.datasets import SPLITS, DatasetError, HeldOut, Mixture
from aac_tf.scenes import Scenes
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.corpus import write_scenes
from aac_tf.scenes.files import path_list, script_files
from aac_tf.scenes.inputs import fingerprint
from aac_tf.scenes.script import Script, ScriptedSound
from aac_tf.utils.atomic import WriteError

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
    defaults = {option.name: option.default for option in options}
    assert defaults == {**vars(ScenesConfig()), "stand_ins": True}  # what draws embeddings decides that


def test_scenes_that_are_not_composed_yet(tmp_path):
    with pytest.raises(DatasetError, match="holds no scenes yet: training composes them"):
        Scenes(tmp_path / "scenes", **SMALL).clips("train")


def test_a_folder_of_another_dataset_is_not_taken_for_scenes(tmp_path):
    (tmp_path / "clotho_captions_evaluation.csv").write_text("file_name,caption_1\n")
    with pytest.raises(DatasetError, match=r"if it is another dataset, give its kind: data\.source=clotho"):
        Scenes(tmp_path).clips("test")


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
    with pytest.raises(DatasetError, match="a path or a list of paths"):
        Scenes(tmp_path / "scenes", bank=3).prepare()
    with pytest.raises(DatasetError, match=r"captions\.csv is no file"):
        Scenes(tmp_path / "scenes", scripts=str(tmp_path / "captions.csv")).check()
    with pytest.raises(DatasetError, match="need a number"):
        Scenes(tmp_path / "scenes", train=None).prepare()


@pytest.mark.parametrize("options", [{"train": 10**12}, {"train": 10**12, "scripts": "templates"}])
def test_more_scenes_than_the_disk_holds(tmp_path, options):
    with pytest.raises(WriteError, match=r"scenes: 12,800,000\.0 GB are needed, and .* GB are free"):
        Scenes(tmp_path / "scenes", **options).check()
    Scenes(tmp_path / "scenes", **options).check(audio_needed=False)
    assert not list(tmp_path.iterdir())


def test_paths_as_configs_and_command_lines_give_them(tmp_path):
    (tmp_path / "a,b").mkdir()
    assert path_list(str(tmp_path / "a,b")) == [tmp_path / "a,b"]
    assert path_list("one, two") == path_list(["one", "two"]) == [pathlib.Path("one"), pathlib.Path("two")]
    lists = [load_config(None, [f"scenes.bank={value}"]).scenes.bank for value in ("one,two", "[one,two]", "one")]
    assert [list(map(str, path_list(value))) for value in lists] == [["one", "two"], ["one", "two"], ["one"]]


def test_scenes_after_scripts(tmp_path, monkeypatch):
    sounds = (ScriptedSound("dog bark"),)
    given = [Script(f"a dog barks {number} times", sounds, f"{number}.wav") for number in range(40)]
    module = types.ModuleType("aac_tf.scenes.scripts")
    reads = []
    module.read_scripts = lambda paths, _: reads.append(paths) or types.SimpleNamespace(scripts=given, captions=50)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    csv_file = tmp_path / "clotho.csv"
    csv_file.write_text("file_name,caption_1\n")
    options = {**SMALL, "min_seconds": 2.0, "max_seconds": 2.0, "validation": None}
    dataset = Scenes(tmp_path / "scenes", scripts=str(csv_file), **options)
    dataset.prepare()
    dataset.prepare()  # finds everything unchanged
    assert reads == [[csv_file]]
    csv_file.write_text("file_name,caption_1\n1.wav,a dog barks\n")
    dataset.prepare()
    assert len(reads) == 2
    check_dataset(dataset, SPLITS)
    assert {clip.name for clip in dataset.clips("train")} == {f"train_0000{index}.flac" for index in range(4)}
    assert [event.category for scene in dataset.events("train").values() for event in scene.events] == ["dog bark"] * 4


def test_sounds_in_linked_folders_are_inputs(tmp_path):
    (tmp_path / "sounds").mkdir()
    (tmp_path / "bank").mkdir()
    (tmp_path / "bank" / "audio").symlink_to(tmp_path / "sounds")
    found = set()
    for contents in (b"a", b"another"):
        (tmp_path / "sounds" / "1.wav").write_bytes(contents)
        found.add(fingerprint({}, [tmp_path / "bank"], []))
    assert len(found) == 2


@pytest.fixture
def mowers(tmp_path):
    """Options of scenes with rain and a mower for which other recordings stand in."""
    rng = np.random.default_rng(0)
    rows = [(f"rain{index}00.wav", "rain", "") for index in range(4)]
    rows += [(f"mower{index}00.wav", "lawn mower", "Lawn mower") for index in range(4)]
    write_csv(tmp_path / "bank" / "labels.csv", ["file_name", "category", "drawn"], *rows)
    for name, *_ in rows:
        wavfile.write(tmp_path / "bank" / name, 16000, rng.uniform(-1, 1, 16000).astype(np.float32))
    captions = tmp_path / "captions.txt"
    captions.write_text(
        "".join(f"{sound}{' loudly' * (n % 3)}\n" for sound in ("rain falls", "a lawn mower runs") for n in range(20))
    )
    options = {"train": 6, "validation": None, "test": None, "min_seconds": 2.0, "max_seconds": 2.0}
    return {**options, "bank": tmp_path / "bank", "scripts": captions}


def test_scenes_with_and_without_stand_ins(mowers, tmp_path):
    def drawn(scenes):
        scenes.prepare()
        return {(event.category, event.drawn) for scene in scenes.events("train").values() for event in scene.events}

    assert drawn(Scenes(tmp_path / "with", **mowers)) == {("rain", ""), ("lawn mower", "Lawn mower")}
    assert drawn(Scenes(tmp_path / "without", **mowers, stand_ins=False)) == {("rain", "")}
    for name, stand_ins in (("with", False), ("without", True)):
        with pytest.raises(
            DatasetError, match=r"another .*bank; stand-ins of a bank are used with stored embeddings.*delete"
        ):
            Scenes(tmp_path / name, **mowers, stand_ins=stand_ins).prepare()


def test_styles_of_scripts_become_those_of_clips(tmp_path):
    texts = {"clotho.txt": "A dog is barking", "mine.txt": "a bell rings"}
    for name, text in texts.items():
        (tmp_path / name).write_text("".join(f"{text}{', and rain falls' * (n % 2)}\n" for n in range(20)))
    files = f"clotho={tmp_path / 'clotho.txt'},{tmp_path / 'mine.txt'}"
    overrides = ["data.source=scenes", f"data.root={tmp_path / 'scenes'}", f"scenes.scripts={files}"]
    overrides += ["scenes.train=null", "scenes.validation=null", "scenes.test=null", "vocabulary.min_count=1"]
    config = load_config(None, [*overrides, "scenes.min_seconds=2", "scenes.max_seconds=2"])
    dataset = build_dataset(config)
    dataset.check()
    dataset.prepare()
    clips = dataset.clips("train")
    assert {(clip.captions[0].startswith("A dog"), clip.style) for clip in clips} == {(True, "clotho"), (False, None)}
    assert list(fit_tokenizer(config).styles) == ["clotho"]


def test_written_captions_beside_human_ones(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_text("A dog barks.\nA dog barks loudly.\n")
    options = {"train": None, "validation": None, "test": None, "min_seconds": 2.0, "max_seconds": 2.0}
    scenes = Scenes(tmp_path / "s", scripts=f"mine={path},mine=templates", **options)
    scenes.check()
    found, captions = scenes._scripts(SyntheticBank(), lambda what: None)
    assert captions == len(found)
    assert {script.style for script in found} == {"mine"}
    named = {sound.category for script in found[2:] for sound in script.sounds}
    assert {"siren", "rain"} <= named
    for alone in ("templates", "mine=templates"):
        with pytest.raises(DatasetError, match=f"{alone}, the scenes of each split need a number"):
            Scenes(tmp_path / "t", scripts=alone, **options).check()
    alone = Scenes(tmp_path / "t", scripts="mine=templates", train=2)
    found, _ = alone._scripts(SyntheticBank(), lambda what: None)
    assert {script.style for script in found} == {"mine"}


def test_paths_of_scripts_may_have_an_equals_sign(tmp_path):
    path = tmp_path / "split=train.txt"
    assert script_files([f"clotho={path}"]) == [("clotho", path)]
    path.touch()
    assert script_files(str(path)) == [("", path)]


def test_a_corpus_whose_bank_is_not_known(scenes, tmp_path):
    kept = Scenes(scenes.root, bank=None, **SMALL)
    kept.check()
    kept.prepare()
    assert len(kept.clips("train")) == 4
    with pytest.raises(DatasetError, match=r"set data\.root to a folder of composed scenes"):
        Scenes(tmp_path / "scenes", bank=None, **SMALL).prepare()
