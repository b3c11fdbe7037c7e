import numpy as np
import pytest

from aac_tf.embeddings.yamnet.class_names import class_names
from aac_tf.labelling.stretches import check_limits, find_stretches
from aac_tf.scenes.sound_classes import sound_classes

NAMES = class_names()
KNOWN = sound_classes(NAMES)
TIMES = (0.5, 0.5)


def scores_of(*segments):
    """Scores of all classes from {class: score} of each segment."""
    scores = np.zeros([len(segments), len(NAMES)])
    for row, segment in zip(scores, segments):
        for name, value in segment.items():
            row[NAMES.index(name)] = value
    return scores


def found(*segments, seconds=None, threshold=0.5, **limits):
    seconds = 0.5 * (len(segments) + 1) if seconds is None else seconds
    return find_stretches(scores_of(*segments), KNOWN, TIMES, seconds, threshold, **limits)


def spans(stretches):
    return [(stretch.category, stretch.start, stretch.end) for stretch in stretches]


def test_a_sound_dominates_where_it_reaches_the_threshold():
    quiet, dog = {"Silence": 1.0}, {"Dog": 0.6}
    (stretch,) = found(quiet, dog, {"Dog": 0.8}, dog, quiet)
    assert (stretch.category, stretch.start, stretch.end) == ("dog bark", 0.75, 2.25)
    assert stretch.score == pytest.approx(2 / 3)


def test_the_first_and_last_segment_reach_the_ends_of_the_recording():
    assert spans(found(*[{"Dog": 0.9}] * 3, seconds=1.8)) == [("dog bark", 0.0, 1.8)]


def test_parents_and_companions_do_not_compete():
    dog = {"Animal": 0.99, "Domestic animals, pets": 0.98, "Bark": 0.7, "Dog": 0.6}
    car = {"Vehicle": 0.99, "Motor vehicle (road)": 0.9, "Engine": 0.8, "Car": 0.6}
    tap = {"Water": 0.9, "Sink (filling or washing)": 0.6, "Liquid": 0.9}
    guitar = {"Music": 1.0, "Musical instrument": 0.9, "Plucked string instrument": 0.9, "Guitar": 0.6}
    for segment, category in ((dog, "dog bark"), (car, "car passing"), (tap, "running water"), (guitar, "guitar")):
        assert {stretch.category for stretch in found(*[segment] * 3)} == {category}


def test_a_parent_counts_if_no_kind_of_it_does():
    for score in (0.4, 0.6):
        birds = {"Bird": 0.9, "Crow": score, "Owl": score}
        assert [stretch.category for stretch in found(*[birds] * 3)] == ["birdsong"]
    assert [stretch.category for stretch in found(*[{"Bird": 0.9, "Crow": 0.6}] * 3)] == ["crow"]


def test_vague_sounds_label_nothing():
    assert found(*[{"Animal": 0.9, "Vehicle": 0.1}] * 3, *[{"Vehicle": 0.9, "Motor vehicle (road)": 0.9}] * 3) == []


def test_a_rival_within_the_margin_prevents_a_stretch():
    both = {"Dog": 0.9, "Speech": 0.75}
    assert found(*[both] * 3) == []
    assert spans(found(*[both] * 3, margin=0.1)) == [("dog bark", 0.0, 2.0)]


def test_short_stretches_are_left_out_and_long_ones_divided():
    quiet, rain = {}, {"Rain": 0.9}
    assert found(quiet, rain, quiet) == []
    assert spans(found(*[rain] * 99, max_seconds=30)) == [("rain", 0.0, 25.0), ("rain", 25.0, 50.0)]


def test_every_sound_of_yamnet_competes_with_others_and_can_be_found():
    assert len(KNOWN.categories) > 200
    for category, own, vague in zip(KNOWN.categories, KNOWN.classes, KNOWN.vague):
        stretches = found(*[{NAMES[own[0]]: 0.9}] * 3)
        assert [stretch.category for stretch in stretches] == ([] if vague else [category])
    assert (KNOWN.rivals.sum(axis=1) > 100).all()
    assert not KNOWN.rivals.diagonal().any()


@pytest.mark.parametrize(
    ("limits", "message"),
    [((0, 0.2, 1, 30), "threshold"), ((0.5, -1, 1, 30), "margin"), ((0.5, 0.2, 31, 30), "got 31 and 30")],
)
def test_limits_out_of_range_are_refused(limits, message):
    with pytest.raises(ValueError, match=message):
        check_limits(*limits)
