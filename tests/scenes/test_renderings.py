import collections

import numpy as np
import pytest

from aac_tf.datasets import DatasetError
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.corpus import read_scenes
from aac_tf.scenes.renderings import plan_scenes
from aac_tf.scenes.script import Script, ScriptedSound
from aac_tf.scenes.scripted_corpus import write_scripted_scenes


class FewBells(SyntheticBank):
    """A bank with two recordings of a bell."""

    def count(self, category, split):
        return 2 if category == "bell" else None


def scripts(**counts):
    return [
        Script(f"{name} {index}", (ScriptedSound(name.replace("_", " ")),), f"{name} {index}")
        for name, count in counts.items()
        for index in range(count)
    ]


def scenes_of(plan, given):
    return collections.Counter(given[index].sounds[0].category for index in plan)


def plan(given, bank=None, **options):
    return plan_scenes(given, bank or SyntheticBank(), "train", np.random.default_rng(0), **options)


def test_without_a_minimum_all_scripts_are_rendered_equally_often():
    assert plan(scripts(siren=2, bell=1), renderings=2) == [0, 1, 2, 0, 1, 2]


def test_rare_sounds_get_their_minimum_and_common_ones_keep_theirs():
    given = scripts(siren=90, bell=4, rain=30)
    found = plan(given, min_scenes=40)
    assert scenes_of(found, given) == {"siren": 90, "bell": 40, "rain": 40}
    times = collections.Counter(found)
    assert {times[index] for index, script in enumerate(given) if "bell" in script.caption} == {10}
    assert found == plan(given, min_scenes=40), "the same seed gives another plan"
    assert found[:90] != sorted(found)[:90], "the scenes of rare sounds all come last"


def test_one_script_and_few_recordings_are_not_repeated_without_end():
    given = scripts(siren=1, bell=30)
    assert scenes_of(plan(given, FewBells(), min_scenes=100), given) == {"siren": 20, "bell": 40}


def test_a_scene_counts_for_all_of_its_sounds():
    both = Script("both", (ScriptedSound("bell"), ScriptedSound("siren")), "both")
    given = [both, *scripts(siren=8)]
    found = plan(given, min_scenes=10)
    assert collections.Counter(found)[0] == 10
    assert len(found) == 18


def test_few_scenes_have_those_of_rare_sounds_first():
    given = scripts(siren=900, bell=30, rain=2)
    found = plan(given, min_scenes=30, most=100)
    assert scenes_of(found, given) == {"bell": 30, "rain": 30, "siren": 40}
    assert max(collections.Counter(found).values()) <= 20
    assert scenes_of(plan(given, min_scenes=40, most=300), given)["siren"] >= 200


def test_scenes_too_few_for_the_minimum_have_all_sounds_alike(caplog):
    given = scripts(siren=900, rain=200, bell=1)
    found = plan(given, min_scenes=300, most=31)
    assert scenes_of(found, given) == {"bell": 10, "rain": 10, "siren": 11}
    assert "31 scenes are too few for min_scenes=300: planned with 10" in caplog.text
    assert found == plan(given, min_scenes=300, most=31), "the same seed gives another plan"
    assert len(plan(given, min_scenes=300, most=2)) == 2, "fewer scenes than sounds"


@pytest.mark.parametrize("min_scenes", [0, -3])
def test_a_minimum_below_one_is_refused(tmp_path, min_scenes):
    with pytest.raises(DatasetError, match=f"min_scenes must be at least 1, or None; got {min_scenes}"):
        write_scripted_scenes(tmp_path, SyntheticBank(), scripts(siren=3), {"train": 2}, min_scenes=min_scenes)


@pytest.mark.parametrize("train", [None, 30])
def test_only_training_scenes_are_balanced(tmp_path, train):
    given = scripts(dog_bark=60, bell=3)
    options = {"min_seconds": 2.0, "max_seconds": 2.0, "min_scenes": 25}
    root = write_scripted_scenes(
        tmp_path / "s", SyntheticBank(), given, {"train": train, "validation": None}, **options
    )
    found = {
        split: collections.Counter(scene.events[0].category for scene in read_scenes(root, split).values())
        for split in ("train", "validation")
    }
    if train is None:
        assert found["train"]["bell"] == 25
    else:
        assert sum(found["train"].values()) == train
        assert found["train"]["bell"] > 10
    assert sum(found["validation"].values()) < 10
