import numpy as np
import pytest

from aac_tf.scenes import Event, Scene
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.caption_order import named_order
from aac_tf.scenes.composer import compose_scene
from aac_tf.scenes.event_scores import score_scenes
from aac_tf.scenes.templates import weighted_captions

# A dog, then a bell, then a siren, with rain in the background.
DOG, BELL, SIREN = (
    Event("dog bark", 1.0, 2.0, "foreground", -20.0),
    Event("bell", 3.0, 5.0, "foreground", -20.0),
    Event("siren", 6.0, 8.0, "foreground", -20.0),
)
RAIN = Event("rain", 0.0, 9.0, "background", -34.0)


def score(caption, *events):
    return score_scenes({"a.wav": caption}, {"a.wav": Scene("a.wav", 9.0, events)})[0]


@pytest.mark.parametrize(
    "caption",
    [
        "a dog barks and then a bell tolls",
        "a dog barks then a bell tolls",
        "A dog is barking, then a church bell.",
        "a dog barking followed by a bell tolling",
        "a dog barks before a bell tolls",
        "a bell tolls after a dog barks",
        "after a dog barks, a bell tolls",
        "after a dog barks a bell tolls",
        "before a bell tolls, a dog barks",
        "a bell tolling preceded by a dog barking",
        "a dog barks and after that a bell tolls",
        "first a dog barks and later a bell tolls",
        "a dog barks and then a bell tolls while rain falls in the background",
        "a dog barking followed by a bell tolling over the sound of rain falling",
        "a bell tolls after a dog barks as rain falls",
        "a dog barks with rain in the background before a bell tolls",
        "while rain falls in the background a dog barks and then a bell tolls",
        "after a dog barks in the rain, a bell tolls",
        "as rain falls, a bell tolls after a dog barks",
        "a dog barks then a dog barks again and then a bell tolls",
    ],
)
def test_captions_with_the_right_order(caption):
    scores = score(caption, RAIN, DOG, BELL)
    assert scores["order_accuracy"] == 1.0
    assert scores["event_precision"] == 1.0


@pytest.mark.parametrize(
    "caption",
    [
        "a bell tolls and then a dog barks",
        "a bell tolling followed by a dog barking",
        "a bell tolls before a dog barks",
        "a dog barks after a bell tolls",
        "after a bell tolls, a dog barks",
        "before a dog barks, a bell tolls",
        "a dog barks while a bell tolls",
        "a dog barks as a bell tolls",
        "a dog barks and a bell tolls",
        "a dog barks with a bell tolling in the background",
        "a dog barking over the sound of a bell tolling",
        "a dog barks",
        "rain falls",
        "",
    ],
)
def test_captions_with_a_wrong_order_or_none(caption):
    assert score(caption, RAIN, DOG, BELL)["order_accuracy"] == 0.0


@pytest.mark.parametrize(
    ("caption", "right"),
    [
        ("a dog barks and then a bell tolls and then a siren wails", 3),
        ("a dog barks then a bell tolls followed by a siren wailing", 3),
        ("a dog barks and then a bell tolls before a siren wails", 3),
        ("a bell tolls after a dog barks and then a siren wails", 3),
        ("after a dog barks, a bell tolls and then a siren wails", 3),
        ("after a dog barks and then a bell tolls a siren wails", 3),
        ("a siren wails after a dog barks followed by a bell tolling", 3),
        ("a siren wails after a bell tolls after a dog barks", 3),
        ("a dog barks and then a siren wails and then a bell tolls", 2),
        ("a siren wails and then a bell tolls and then a dog barks", 0),
        ("a dog barks and then a siren wails", 1),
        ("a dog barks and then a bell tolls while a siren wails", 2),
    ],
)
def test_order_of_three(caption, right):
    assert score(caption, DOG, BELL, SIREN)["order_accuracy"] == pytest.approx(right / 3)


def test_sounds_at_once_share_a_group():
    assert named_order("a dog barks while a bell tolls and then a siren wails") == [{"dog bark", "bell"}, {"siren"}]
    assert named_order("nothing is heard") == []


def test_overlapping_sounds_have_no_order():
    late = Event("bell", 1.5, 5.0, "foreground", -20.0)
    assert score("a bell tolls and then a dog barks", DOG, late)["order_accuracy"] is None


@pytest.mark.parametrize(
    ("caption", "precision", "recall"),
    [
        ("a dog barks and then a bell tolls while rain falls", 1.0, 1.0),
        ("a dog barks and then a bell tolls", 1.0, 2 / 3),
        ("a dog barks and then a siren wails while the wind blows", 1 / 3, 1 / 3),
        ("a dog barks and then a bell tolls and then a phone rings", 2 / 3, 2 / 3),
        ("tables and chairs", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_named_events(caption, precision, recall):
    scores = score(caption, RAIN, DOG, BELL)
    assert scores["event_precision"] == pytest.approx(precision)
    assert scores["event_recall"] == pytest.approx(recall)
    both = precision + recall
    assert scores["event_f1"] == pytest.approx(2 * precision * recall / both if both else 0.0)


def test_corpus_counts_all_scenes_together():
    scenes = {"a.wav": Scene("a.wav", 9.0, (DOG, BELL, SIREN)), "b.wav": Scene("b.wav", 9.0, (BELL,))}
    corpus, per_item = score_scenes({"b.wav": "a cat meows", "a.wav": "a dog barks then a bell tolls"}, scenes)
    assert corpus == {
        "event_precision": pytest.approx(2 / 3),
        "event_recall": pytest.approx(2 / 4),
        "event_f1": pytest.approx(4 / 7),
        "order_accuracy": pytest.approx(1 / 3),
    }
    assert per_item["a.wav"]["event_precision"] == 1.0
    assert per_item["b.wav"] == {
        "event_precision": 0.0,
        "event_recall": 0.0,
        "event_f1": 0.0,
        "order_accuracy": None,
    }


def test_labels_that_are_not_in_the_table():
    zither = Event("zither pluck", 1.0, 2.0, "foreground", -20.0)
    scores = score("the sound of zither pluck followed by a bell tolling", zither, BELL)
    assert (scores["event_f1"], scores["order_accuracy"]) == (1.0, 1.0)


def test_predictions_must_match_the_scenes():
    with pytest.raises(ValueError, match=r"1 scene without caption \['a.wav'\], 1 caption without scene \['b.wav'\]"):
        score_scenes({"b.wav": "rain falls"}, {"a.wav": Scene("a.wav", 9.0, (RAIN,))})


def test_all_captions_of_the_templates_score_full_marks():
    bank = SyntheticBank()
    told = 0
    for index in range(80):
        _, events = compose_scene(bank, "test", np.random.default_rng(index), 4.0, 8.0)
        for _, caption in weighted_captions(events):
            scores = score(caption, *events)
            assert scores["event_f1"] == 1.0, caption
            assert scores["order_accuracy"] in (1.0, None), caption
            told += scores["order_accuracy"] is not None
    assert told > 100
