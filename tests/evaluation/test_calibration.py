"""Calibration of confidences, and what the commands make of it."""

import dataclasses
import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from dataset_files import write_csv

from aac_tf import Captioner
from aac_tf.cli import calibrate, caption, publish
from aac_tf.cli.console import PARTLY
from aac_tf.datasets import DatasetError
from aac_tf.evaluation.calibration import Judged, fit_calibration, judge_captions, reliability
from aac_tf.inference.confidence import FEATURES, NamedSound, read_calibration
from aac_tf.runs import Run

WEIGHTS, BIAS = np.array([1.0, 0.5, 0.8, -1.0]), 2.0


def judged_sounds(count, seed, constant=()):
    """Captions that name one or two sounds, which are there as often as a logistic regression says."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(count):
        named, right = [], []
        for _ in range(rng.integers(1, 3)):
            values = np.array([-rng.exponential(1), -rng.exponential(0.5), rng.normal(-1, 2), rng.integers(0, 2)])
            values[list(constant)] = 0.0
            chance = 1 / (1 + np.exp(-(BIAS + WEIGHTS @ values)))
            named.append(NamedSound("rain", chance, tuple(values)))
            right.append(bool(rng.random() < chance))
        found.append(
            Judged(SimpleNamespace(named_sounds=named, confidence=np.mean([s.confidence for s in named])), right)
        )
    return found


def test_the_fit_finds_how_often_sounds_are_there():
    calibration = fit_calibration(judged_sounds(4000, 0), ("zither",))
    assert [calibration.weights[name] for name in FEATURES] == pytest.approx(WEIGHTS, abs=0.15)
    assert calibration.bias == pytest.approx(BIAS, abs=0.15)
    assert calibration.categories == ("zither",)


def test_features_that_a_run_does_not_have_weigh_nothing():
    weights = fit_calibration(judged_sounds(300, 1, constant=[2, 3])).weights
    assert (weights["heard"], weights["unknown"]) == (0, 0)
    assert weights["word"] > 0.3


def test_calibrated_confidences_have_a_small_error_and_others_a_large_one():
    judged = judged_sounds(3000, 2)
    found = reliability(judged, unsure_below=0.4)
    assert found["ece"] < 0.03
    assert found["unsure"]["right"] < 0.4 < found["sure"]["right"]
    assert sum(row["captions"] for row in found["bins"]) == found["captions"] == 3000
    overconfident = [Judged(SimpleNamespace(confidence=one.caption.confidence**0.3), one.right) for one in judged]
    assert reliability(overconfident)["ece"] > 0.15


def test_too_few_sounds_are_an_error():
    with pytest.raises(DatasetError, match="at least 50 with both outcomes"):
        fit_calibration(judged_sounds(10, 3))
    with pytest.raises(DatasetError, match="name 0 sounds"):
        fit_calibration([])
    with pytest.raises(DatasetError, match="both outcomes"):
        fit_calibration([Judged(one.caption, [True] * len(one.right)) for one in judged_sounds(100, 3)])


@pytest.fixture(scope="module")
def scenes(one_run, tmp_path_factory):
    """Noise with events at random: half of the sounds that the run names are there."""
    root, rng = tmp_path_factory.mktemp("scenes"), np.random.default_rng(0)
    splits = {"train": 1, "validation": 60, "test": 20}
    events = {split: {} for split in splits}
    for split, count in splits.items():
        (root / split).mkdir()
        names = [f"{split}_{index}.wav" for index in range(count)]
        for name in names:
            sound = rng.normal(0, 10 ** rng.uniform(-3, -0.5), 16000 // 4)
            soundfile.write(root / split / name, np.clip(sound, -1, 1), 16000)
            labels = [label for label in ("dog bark", "cat", "bell", "rain", "siren") if rng.random() < 0.5]
            happened = [
                {"category": label, "onset": 0.0, "offset": 0.2, "role": "foreground", "level": -20.0}
                for label in labels
            ]
            events[split][name] = {"seconds": 0.25, "events": happened}
        write_csv(root / f"captions_{split}.csv", ["file_name", "caption_1"], *([name, "rain falls"] for name in names))
    (root / "events.json").write_text(json.dumps(events))
    (root / "scenes.json").write_text("{}")
    return root


@pytest.fixture(scope="module")
def calibrated(one_run, scenes, tmp_path_factory):
    """A copy of a run after `aac-calibrate`."""
    folder = shutil.copytree(one_run.folder, tmp_path_factory.mktemp("calibrated") / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aac_tf.evaluation.calibration.MIN_SOUNDS", 10)
        assert calibrate.main([str(folder), "data.source=scenes", f"data.root={scenes}"]) == 0
    return folder


def test_clips_that_cannot_be_used_are_named(one_run, scenes, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("aac_tf.evaluation.calibration.MIN_SOUNDS", 10)
    root, folder = shutil.copytree(scenes, tmp_path / "scenes"), shutil.copytree(one_run.folder, tmp_path / "run")
    (root / "validation" / "validation_3.wav").write_bytes(b"no sound")
    assert calibrate.main([str(folder), "data.source=scenes", f"data.root={root}"]) == PARTLY
    shown = capsys.readouterr().err
    assert "skipped: validation_3.wav: " in shown
    assert "1 clip skipped" in shown
    assert (folder / "calibration.json").is_file()


@pytest.fixture(scope="module")
def captioner(calibrated):
    return Captioner.load(calibrated)


@pytest.fixture(scope="module")
def recording(captioner, scenes):
    """A recording whose caption names a sound."""
    paths = [str(path) for path in sorted((scenes / "test").iterdir())]
    found = zip(paths, captioner.caption(paths))
    return next(path for path, caption in found if caption.confidence is not None)


def test_the_command_calibrates_a_run(calibrated, captioner, recording):
    assert 0 <= json.loads((calibrated / "calibration.json").read_text())["test"]["ece"] <= 1
    found = captioner.caption(recording)[0]
    assert found.confidence == round(np.mean([sound.confidence for sound in found.named_sounds]), 2)
    # With random weights, the sounds that captions name are there by chance.
    assert 0.2 < found.confidence < 0.8
    assert captioner.attend(recording, found.text).confidence == pytest.approx(found.confidence, abs=1e-4)
    _, beside = captioner.caption([np.full(32000, 0.1, "f4"), recording])
    assert beside.confidence == pytest.approx(found.confidence, abs=1e-4)


@pytest.mark.parametrize(("below", "unsure"), [(1.0, True), (0.0, False)])
def test_the_caption_command_says_when_it_is_unsure(
    captioner, calibrated, recording, monkeypatch, capsys, below, unsure
):
    changed = dataclasses.replace(captioner.calibration, unsure_below=below)
    monkeypatch.setattr(captioner, "calibration", changed)
    monkeypatch.setattr(Captioner, "load", lambda *_: captioner)
    monkeypatch.setenv("AAC_TF_CAPTIONERS_MB", "0")  # a stored captioner would have the calibration of the run
    assert caption.main(["--run", str(calibrated), recording]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.strip().split("\t")) == 2
    assert (f"unsure: {recording}: confidence 0." in captured.err) == unsure
    assert caption.main(["--run", str(calibrated), "--json", recording]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["unsure"] == unsure
    assert 0 < printed["confidence"] < 1
    assert printed["named_sounds"][0].keys() == {"name", "confidence"}


def test_the_calibration_is_published(calibrated, captioner, tmp_path, capsys):
    assert publish.main([str(calibrated), "--output", str(tmp_path / "published")]) == 0
    assert "no confidence" not in capsys.readouterr().err
    assert read_calibration(Run(tmp_path / "published")) == captioner.calibration
    Run(folder := shutil.copytree(calibrated, tmp_path / "run")).write_calibration(None)
    assert publish.main([str(folder), "--output", str(tmp_path / "other")]) == 0
    assert "its captions will have no confidence: run aac-calibrate" in capsys.readouterr().err


def test_datasets_without_events_are_judged_by_their_references(one_captioner, one_run, scenes):
    references = Run(one_run.folder).config(["data.source=manifest", f"data.root={scenes / 'manifest.csv'}"])
    rows = [[f"validation/validation_{index}.wav", "a dog barks"] for index in range(60)]
    write_csv(scenes / "manifest.csv", ["file_name", "caption"], *rows)
    judged, _ = judge_captions(one_captioner, references, "train")
    assert judged
    for one in judged:
        assert one.right == [sound.name == "dog bark" for sound in one.caption.named_sounds]
    assert one_captioner.calibration is None


def test_presets_are_not_written_to(capsys):
    assert calibrate.main(["hf://somebody/model"]) == 2
    assert "is not a folder to write to" in capsys.readouterr().err


def test_training_further_forgets_the_calibration(calibrated, tmp_path):
    run = Run(shutil.copytree(calibrated, tmp_path / "run"))
    run.create(run.stored_config(), run.tokenizer(run.stored_config()), run.normalization())
    assert not os.path.exists(run.folder / "calibration.json")
