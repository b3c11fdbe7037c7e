"""Captions of the package's own language: natural, varied, and read by the parser as they are meant."""

import collections

import numpy as np
import pytest

from aac_tf.datasets import DatasetError
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.script import Script, ScriptedSound
from aac_tf.scenes.scripts import read_script
from aac_tf.scenes.selection import select_scripts
from aac_tf.scenes.sounds import SOUNDS
from aac_tf.scenes.writing import write_scripts
from aac_tf.scenes.writing.phrases import Phrase, kind_of, read_weighted, rows
from aac_tf.scenes.writing.places import places
from aac_tf.scenes.writing.plans import Planner, in_order
from aac_tf.scenes.writing.scripts import write_missing_scripts, write_scripts_for
from aac_tf.scenes.writing.sentences import draw_sentence, is_readable, says, sentences

ALL = tuple(SOUNDS)


@pytest.fixture(scope="module")
def written():
    return write_scripts(ALL, 80)


@pytest.mark.slow
def test_thousands_of_captions_are_read_as_they_are_meant():
    for script in write_scripts(ALL, 1500, seed=1):
        assert in_order(read_script(script.caption).sounds) == script.sounds, script.caption


def test_captions_are_read_as_they_are_meant(written):
    for script in written:
        assert in_order(read_script(script.caption).sounds) == script.sounds, script.caption
        assert is_readable(script.caption)


def test_most_sentences_are_right_at_first():
    """Otherwise the check would hide errors of the grammar, and bend what captions speak about."""
    planner, rng = Planner(ALL), np.random.default_rng(0)
    right = []
    for _ in range(150):
        plan = planner.draw(rng)
        sentence = draw_sentence(plan, rng)
        if is_readable(sentence):
            right.append(says(sentence, plan.sounds()))
    assert np.mean(right) > 0.9


def test_the_captions_of_a_plan_differ_and_say_the_same(written):
    by_plan = collections.defaultdict(list)
    for script in written:
        by_plan[script.clip].append(script)
    assert len(by_plan) == 80
    for scripts in by_plan.values():
        assert len({script.sounds for script in scripts}) == 1
        assert len({script.caption for script in scripts}) == len(scripts)
    assert np.mean([len(scripts) for scripts in by_plan.values()]) > 4.5


def test_captions_are_varied(written):
    captions = [script.caption for script in written]
    assert len(set(captions)) > 0.95 * len(captions)
    lengths = [len(caption.split()) for caption in captions]
    assert 8 < np.mean(lengths) < 12
    assert sum(len(forms) for forms in sentences().values()) > 80
    fields = collections.Counter()
    for script in written:
        for sound in script.sounds:
            changed = {"distant": sound.distant, "level": sound.level != "normal", "background": sound.background}
            changed |= {"times": sound.times is not None, "motion": sound.motion != "none", "later": sound.first > 0}
            fields.update(name for name, value in changed.items() if value)
    assert len(fields) == 6
    assert len({sound.category for script in written for sound in script.sounds}) > 70


def test_the_same_seed_writes_the_same(written):
    assert write_scripts(ALL, 20) == [script for script in written if int(script.clip.split()[1]) < 20]
    assert write_scripts(ALL, 5, seed=1) != write_scripts(ALL, 5)


def test_only_sounds_of_the_bank_are_named():
    few = ["man speaking", "woman speaking", "dog bark", "rain", "thunder", "zither pluck"]
    scripts = write_scripts(few, 30)
    # People who talk are any two speakers.
    assert {sound.category for script in scripts for sound in script.sounds} <= {*few, "person speaking"}
    with pytest.raises(DatasetError, match="at least two sounds"):
        write_scripts(["zither pluck"], 1)


def test_there_are_enough_scripts_for_each_split():
    from aac_tf.scenes.banks import SyntheticBank

    counts = {"train": 40, "validation": 4, "test": 4}
    bank = SyntheticBank()
    selection = select_scripts(write_scripts_for(bank, counts), bank)
    for split, count in counts.items():
        assert len({script.clip for script in selection.scripts[split]}) >= count


def test_the_tables_name_sounds_of_the_table():
    table = places()
    named = {name for place in table.places for cell in (place.sounds, place.beds) for name, _ in cell}
    named |= {name for first, cell in table.followers.items() for name in (first, *(name for name, _ in cell))}
    named |= {name for group in (*table.apart, *table.in_turn) for name in group}
    assert named <= set(SOUNDS)
    assert set(rows()) <= set(SOUNDS)
    assert set(rows()) <= {name for place in table.places for cell in (place.sounds, place.beds) for name, _ in cell}


def test_sounds_that_exclude_each_other_at_once_may_follow_each_other():
    found = collections.Counter()
    for script in write_scripts(["gunshot", "gun cocking", "engine starting", "engine"], 150, captions=1):
        steps = collections.defaultdict(set)
        for sound in script.sounds:
            for step in range(sound.first, sound.last + 1):
                steps[step].add(sound.category)
        for pair in ({"gunshot", "gun cocking"}, {"engine starting", "engine"}):
            assert not any(pair <= names for names in steps.values()), script.caption
            found[min(pair)] += pair <= set().union(*steps.values())
    assert min(found["gun cocking"], found["engine"]) > 10


def test_phrases_mean_their_sound():
    for category in rows():
        kind = kind_of(category)
        assert kind.phrases, category
        for meaning in (*kind.phrases, *kind.names):
            assert {sound.category for sound in meaning} == set(SOUNDS[category].parts or [category]), category


def test_forms_of_phrases():
    dogs, toilet = Phrase("two dogs", "run and bark", True), Phrase("a toilet", "is flushed")
    assert [dogs.clause(form) for form in "pgnh"] == [
        "two dogs run and bark",
        "two dogs are running and barking",
        "two dogs running and barking",
        "two dogs can be heard running and barking",
    ]
    assert [toilet.clause(form) for form in "pgn"] == [
        "a toilet is flushed",
        "a toilet is being flushed",
        "a toilet being flushed",
    ]
    assert read_weighted("a cat*3, dogs+") == [("a cat", 3.0), ("dogs+", 1.0)]


def test_sounds_that_human_captions_hardly_name_get_written_ones():
    bank = SyntheticBank(["bell", "birdsong", "dog bark", "rain", "siren", "wind"])
    human = [Script(f"a bell {index}", (ScriptedSound("bell"),), str(index)) for index in range(60)]
    human += [Script(f"a dog {index}", (ScriptedSound("dog bark"),), f"d{index}") for index in range(59)]
    found = write_missing_scripts(bank, human, style="audiocaps")
    plans = {script.clip: {sound.category for sound in script.sounds} for script in found}
    of_sound = collections.Counter(name for names in plans.values() for name in names)
    missing = set(Planner(bank.categories).categories) - {"bell"}
    assert {"dog bark", "siren"} <= missing
    assert all(of_sound[name] >= 12 for name in missing)
    assert all(names & missing for names in plans.values())
    assert {script.style for script in found} == {"audiocaps"}
    assert all(in_order(read_script(script.caption).sounds) == script.sounds for script in found)
    assert found == write_missing_scripts(bank, human, style="audiocaps")
