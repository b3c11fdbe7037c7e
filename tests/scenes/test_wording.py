import csv

import pytest

from aac_tf.scenes.mentions import find_mentions
from aac_tf.scenes.wording import WORDINGS, canonical_category, categories_for, wording, words_of


@pytest.mark.parametrize("category", [*WORDINGS, "zither", "big steel drum"])
def test_a_wording_names_its_category_and_no_other(category):
    words = wording(category)
    for phrase in (words.present, words.progressive, words.noun, *words.keys):
        assert {name for _, _, name in find_mentions(words_of(phrase), [category])} == {category}
        assert len(phrase.split()) <= 6


def test_the_longest_key_wins():
    mentions = find_mentions(words_of("the sound of train horn and then a train passes"), ["train horn"])
    assert [name for _, _, name in mentions] == ["train horn", "train"]


def test_labels_of_esc_50_are_in_the_table():
    labels = "dog rooster pig cow frog cat hen insects sheep crow rain sea_waves crackling_fire crickets chirping_birds"
    labels += (
        " water_drops wind pouring_water toilet_flush thunderstorm crying_baby sneezing clapping breathing coughing"
    )
    labels += " footsteps laughing brushing_teeth snoring drinking_sipping door_wood_knock mouse_click keyboard_typing"
    labels += " door_wood_creaks can_opening washing_machine vacuum_cleaner clock_alarm clock_tick glass_breaking"
    labels += " helicopter chainsaw siren car_horn engine train church_bells airplane fireworks hand_saw"
    assert len(labels.split()) == 50
    assert all(canonical_category(label) in WORDINGS for label in labels.split())
    assert len({canonical_category(label) for label in labels.split()}) == 50
    assert canonical_category("Sea waves") == canonical_category("sea_waves") == "waves"
    assert canonical_category("Zither_Pluck") == "zither pluck"


@pytest.mark.parametrize(
    ("label", "category"),
    [
        ("Male speech, man speaking", "man speaking"),
        ("Female_speech_and_woman_speaking", "woman speaking"),
        ("Vehicle horn, car horn, honking", "car horn"),
        ("Accelerating_and_revving_and_vroom", "engine revving"),
        ("Dishes, pots, and pans", "dishes"),
        ("engine_idling", "engine"),
        ("gun_shot", "gunshot"),
        ("street_music", "music"),
        ("duck quacking", "duck"),
        ("Chicken, rooster", "chicken rooster"),  # either of two kinds
        ("Sound effect", "sound effect"),
        ('Ferry horn". Original "bergen.aif" by A. Nyone. License: CC0.', "ship horn"),
    ],
)
def test_labels_of_other_vocabularies(label, category):
    assert canonical_category(label) == category
    assert (category in WORDINGS) == (label not in ("Chicken, rooster", "Sound effect"))


def test_members_are_sounds_of_the_table():
    kinds = [category for category, words in WORDINGS.items() if words.members]
    assert len(kinds) > 20
    assert all(member in WORDINGS for category in kinds for member in WORDINGS[category].members)
    assert categories_for("alarm", ["smoke alarm", "alarm", "bell"]) == ("alarm", "smoke alarm")
    assert categories_for("beeping", ["smoke alarm", "bell"]) == ("smoke alarm",)  # through "alarm"
    assert categories_for("zither", ["zither", "bell"]) == ("zither",)


@pytest.mark.real_data
def test_labels_of_real_recordings_are_in_the_table(real_data):
    for table in (real_data / "esc10" / "esc10.csv", real_data / "esc50_subset" / "esc50_subset.csv"):
        with open(table, newline="") as file:
            labels = {row["category"] for row in csv.DictReader(file)}
        assert {label for label in labels if canonical_category(label) not in WORDINGS} == set()
