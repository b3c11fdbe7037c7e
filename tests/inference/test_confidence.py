"""How likely the sounds that a caption names are there."""

import json
import os

import numpy as np
import pytest

from aac_tf.inference.caption import Alternative, make_caption
from aac_tf.inference.confidence import Calibration, NamedSound, caption_confidence, heard_sounds, read_calibration
from aac_tf.runs import Run, RunError

WEIGHTS = {"word": 0.5, "caption": 0.25, "heard": 1.0, "unknown": -2.0}
CALIBRATION = Calibration(WEIGHTS, bias=1.0)


def evidence(caption, log_probs, heard=None, calibration=CALIBRATION):
    return {sound.name: sound.evidence for sound in calibration.judge(caption.split(), log_probs, heard)}


def test_the_evidence_of_a_sound_is_of_its_own_words():
    log_probs = [-0.1, -0.5, -0.7, -0.2, -3.0, -0.3]
    found = evidence("a dog barks while rain", log_probs)
    assert list(found) == ["dog bark", "rain"]
    assert found["dog bark"] == pytest.approx((-0.7, np.mean(log_probs), 0.0, 1.0))
    assert found["rain"] == pytest.approx((-3.0, np.mean(log_probs), 0.0, 1.0))
    # What follows the end of a caption in a batch does not count.
    assert evidence("a dog barks while rain", [*log_probs, -50.0]) == found


def test_what_the_classifier_hears_counts_for_the_kinds_of_a_sound():
    names = ["Dog", "Bark", "Car passing by", "Rain"]
    heard = heard_sounds(np.array([0.2, 0.9, 0.5, 0.0]), names)
    found = evidence("dog and vehicle and rain and wind", [-1.0] * 8, heard)
    assert found["dog bark"][2:] == pytest.approx((np.log(9), 0.0))
    assert found["vehicle"][2:] == pytest.approx((0.0, 0.0))  # a car is one, log-odds of 0.5
    assert found["rain"][2] == pytest.approx(np.log(0.001 / 0.999))
    assert found["wind"][2:] == (0.0, 1.0)


def test_labels_outside_the_table_are_named_too():
    calibration = Calibration(WEIGHTS, categories=("zither pluck",))
    assert evidence("a zither pluck", [-1.0] * 4) == {}
    assert list(evidence("a zither pluck", [-1.0] * 4, calibration=calibration)) == ["zither pluck"]


def test_a_caption_has_the_mean_confidence_of_its_sounds():
    def caption(text, unsure_below):
        words = text.split()
        named = CALIBRATION.judge(words, [-0.4] * (len(words) + 1), {"dog bark": 0.9, "rain": 0.1})
        return make_caption([Alternative(text, -1.0)], words, np.ones([9, 2]), (0, 1), 2.0, None, named, unsure_below)

    both = caption("a dog barks while rain falls", 0.6)
    expected = [1 / (1 + np.exp(-logit)) for logit in (0.7 + np.log(9), 0.7 - np.log(9))]
    assert [sound.confidence for sound in both.named_sounds] == pytest.approx(expected)
    assert both.confidence == round(np.mean(expected), 2)
    assert both.unsure
    assert not caption("a dog barks while rain falls", 0.5).unsure
    unknown = caption("the zither", 1.0)
    assert (unknown.named_sounds, unknown.confidence, unknown.unsure) == ([], None, False)


def test_a_caption_that_says_nothing_is_unsure():
    words = ["a", "and", "a"]
    found = make_caption([Alternative("a and a", -1.0)], words, np.ones([9, 2]), (0, 1), 2.0, None, [], 0.4)
    assert (found.confidence, found.unsure) == (0.0, True)
    found = make_caption([Alternative("a and a", -1.0)], words, np.ones([9, 2]), (0, 1), 2.0)
    assert (found.confidence, found.unsure) == (None, False)


@pytest.mark.parametrize("unsure_below", [0.29, 0.4, 0.57, 0.395])
def test_a_confidence_as_it_is_shown_never_contradicts_the_verdict(unsure_below):
    for exact in np.linspace(0.25, 0.6, 351):
        confidence, unsure = caption_confidence([NamedSound("rain", exact, ())], unsure_below)
        assert abs(confidence - exact) < 0.0051
        assert (float(f"{confidence:.2f}") < unsure_below) == unsure


def test_extreme_evidence_does_not_overflow():
    (low,) = Calibration({**WEIGHTS, "word": 1e6}).judge(["rain"], [-9.0, 0.0])
    (high,) = Calibration({**WEIGHTS, "word": -1e6}).judge(["rain"], [-9.0, 0.0])
    assert low.confidence == pytest.approx(0)
    assert high.confidence == 1


def test_runs_that_were_not_calibrated_have_no_confidence(one_captioner):
    caption = one_captioner.caption(np.full(16000, 0.1, "f4"))[0]
    assert (caption.named_sounds, caption.confidence, caption.unsure) == (None, None, False)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"weights": {"word": 1}}', "NaN weight", "number as category", "text as bias"],
)
def test_a_damaged_calibration_is_an_error(tmp_path, content):
    whole = CALIBRATION.to_dict()
    changed = {
        "NaN weight": {**whole, "weights": {**WEIGHTS, "word": float("nan")}},
        "number as category": {**whole, "categories": [1]},
        "text as bias": {**whole, "bias": "much"},
    }
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(changed[content]) if content in changed else content)
    with pytest.raises(RunError, match=r"calibration\.json is damaged"):
        read_calibration(Run(tmp_path))
    path.write_text(json.dumps(whole))
    assert read_calibration(Run(tmp_path)) == CALIBRATION
    os.unlink(path)
    assert read_calibration(Run(tmp_path)) is None
