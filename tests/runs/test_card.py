"""What a run was trained on."""

import json

import pytest

from aac_tf.build_dataset import build_dataset
from aac_tf.config import load_config
from aac_tf.datasets import Clip, ClipList
from aac_tf.runs import Run, RunError
from aac_tf.runs.card import make_card, read_card, trained_on
from aac_tf.runs.initial import open_initial
from aac_tf.runs.licences import initial_licences
from aac_tf.text import WordTokenizer


def run_of(tmp_path, overrides, clips, seconds=7200.0):
    config = load_config(None, overrides)
    captioned = ClipList([Clip(f"{n}.wav", f"{n}.wav", ["a dog", "barks"]) for n in range(clips)], [], seconds)
    run = Run(tmp_path / "run")
    card = make_card(config, build_dataset(config), captioned, words=3, initial=open_initial(config))
    run.create(config, WordTokenizer.from_captions(["a dog barks"], 1), None, card=card)
    return run


def manifest_in(tmp_path):
    (tmp_path / "train.csv").write_text("file_name,caption\na.wav,a dog\n")
    return ["data.source=manifest", f"data.root={tmp_path}"]


def test_synthetic_scenes_warn_of_real_recordings(tmp_path):
    overrides = ["data.source=scenes", f"data.root={tmp_path / 'scenes'}"]
    overrides += ["scenes.train=3", "scenes.validation=1", "scenes.test=1"]
    build_dataset(load_config(None, overrides)).prepare()
    run = run_of(tmp_path, overrides, clips=1000)
    assert trained_on(run) == (
        "trained on 1,000 scenes of synthetic sounds (2.0 h): captions of real recordings are nonsense"
    )
    card = json.loads((run.folder / "card.json").read_text())
    assert {key: card[key] for key in ("clips", "hours", "captions", "words")} == {
        "clips": 1000,
        "hours": 2.0,
        "captions": 2000,
        "words": 3,
    }
    assert card["sounds"]
    card.update(synthetic=False, sounds=[f"sound {n}" for n in range(10)])
    (run.folder / "card.json").write_text(json.dumps(card))
    assert trained_on(run.folder).endswith("it knows 10 kinds of sound, and describes others as one of them")
    card.update(sounds=["bell", "rain"])
    (run.folder / "card.json").write_text(json.dumps(card))
    assert trained_on(run.folder).endswith("it knows bell, rain, and describes others as one of them")


@pytest.mark.parametrize(
    ("clips", "said"),
    [
        (1, "trained on 1 clip of a CSV file (2.0 h): too few to expect sensible captions of other sounds"),
        (20, "trained on 20 clips of a CSV file (2.0 h): too few to expect sensible captions of other sounds"),
        (3839, "trained on 3,839 clips of a CSV file (2.0 h)"),
    ],
)
def test_the_number_of_clips_is_said(tmp_path, clips, said):
    assert trained_on(run_of(tmp_path, manifest_in(tmp_path), clips)) == said


@pytest.mark.parametrize(("seconds", "said"), [(144, "2 min"), (54, "54 s"), (5400, "1.5 h")])
def test_short_durations_are_not_zero_hours(tmp_path, seconds, said):
    assert f"20 clips of a CSV file ({said})" in trained_on(run_of(tmp_path, manifest_in(tmp_path), 20, seconds))


def test_a_fine_tuned_run_knows_what_the_run_it_started_from_knows(tmp_path):
    run = run_of(tmp_path, [*manifest_in(tmp_path), "training.initial=everyday"], 20)
    assert trained_on(run) == (
        "trained on 20 clips of a CSV file (2.0 h), starting from a run that was trained on 39,616 composed scenes "
        "(95.7 h): it knows 250 kinds of sound, and describes others as one of them"
    )
    card = json.loads((run.folder / "card.json").read_text())
    assert card["initial"]["clips"] == 39616
    assert initial_licences(card) == [("everyday", "cc-by-nc-4.0")]
    card["initial"]["sources"][0]["root"] = "somebody's folder"
    (run.folder / "card.json").write_text(json.dumps(card))
    assert "root" not in read_card(run)["initial"]["sources"][0]


def test_runs_without_a_card_tell_what_their_config_does(tmp_path):
    run, words = Run(tmp_path / "run"), WordTokenizer.from_captions(["a dog barks"], 1)
    run.create(load_config("demo"), words, None, data={"train": {"clips": 7}})
    assert trained_on(run).startswith("trained on 7 scenes of synthetic sounds: ")
    run.create(load_config("clotho_logmel"), words, None)
    assert trained_on(run) == "trained on clips of clotho"
    (run.folder / "card.json").write_text('{"clips": "many"}')
    with pytest.raises(RunError, match=r"card\.json is damaged"):
        trained_on(run)
