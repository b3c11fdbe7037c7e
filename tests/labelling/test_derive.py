"""Deriving sounds from a labelled bank, with a stand-in for YAMNet that tells tones by their pitch."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
import soundfile
import tensorflow as tf

import aac_tf.embeddings
from aac_tf.audio import YAMNET
from aac_tf.cli.bank import main
from aac_tf.cli.console import FAILED
from aac_tf.datasets import SPLITS
from aac_tf.embeddings import FrozenEncoder
from aac_tf.embeddings.yamnet.class_names import class_names
from aac_tf.labelling import stand_ins
from aac_tf.labelling.derivations import derivations
from aac_tf.labelling.derive import derive_bank
from aac_tf.labelling.transforms import change_speed, change_tempo, pitch
from aac_tf.scenes.banks import FolderBank
from aac_tf.scenes.banks import folder as folder_bank
from aac_tf.scenes.banks.labels import Recording
from aac_tf.scenes.sound_classes import one_sound
from aac_tf.scenes.wording import WORDINGS

RATE = 16000
LOW, HIGH = 700, 2400  # the stand-in's bark and growl


class Growls(FrozenEncoder):
    """Hears growls in the lower half of the spectrum, barks in the upper half, and dogs everywhere."""

    spec, width, checksum, class_names = YAMNET, 1, "growls", ("Dog", "Bark", "Growling", "Whimper (dog)")
    segment_times = (0.48, 0.48)

    def embed_and_score(self, spectrogram, length=None):
        frames = tf.shape(spectrogram)[1] // 48 * 48
        segments = tf.reduce_mean(tf.reshape(spectrogram[:, :frames], [1, -1, 48, 64]), axis=2)
        low, high = (tf.reduce_max(half, axis=2) for half in tf.split(segments, 2, axis=2))
        growl = tf.sigmoid(8 * (low - high))
        scores = tf.stack([tf.ones_like(growl), 0.9 * (1 - growl), 0.9 * growl, 0 * growl], axis=2)
        return growl[..., tf.newaxis], scores, tf.shape(scores)[1:2]


def tones(*pitches, seconds=3.0):
    time = np.arange(int(seconds * RATE)) / RATE
    return np.concatenate([0.5 * np.sin(2 * np.pi * pitch * time) for pitch in pitches]).astype(np.float32)


@pytest.fixture(autouse=True)
def growls(monkeypatch):
    monkeypatch.setattr(aac_tf.embeddings, "YamnetEmbedder", Growls, raising=False)
    monkeypatch.setattr(stand_ins, "ENOUGH", 1)  # six dogs are not few


@pytest.fixture
def bank(tmp_path):
    """Six barking dogs, one of which also growls, and a cat."""
    folder = tmp_path / "dogs"
    folder.mkdir()
    for number in range(6):
        pitches = (HIGH,) if number else (HIGH, LOW, HIGH)
        soundfile.write(folder / f"dog{number}00.wav", tones(*pitches), RATE)
    soundfile.write(folder / "cat.wav", tones(HIGH), RATE)
    with open(folder / "labels.csv", "w", newline="") as file:
        rows = [(f"dog{number}00.wav", "dog", "mine", "CC0") for number in range(6)] + [("cat.wav", "cat", "", "")]
        csv.writer(file).writerows([("file_name", "category", "source", "licence"), *rows])
    return folder


def read_table(folder):
    with open(folder / "sounds.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_derived_sounds_are_those_that_the_encoder_hears(bank, tmp_path, capsys):
    assert main([str(bank), "--derive", "--output", str(tmp_path / "derived"), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert {name: count["pieces"] for name, count in counts["categories"].items()} == {"dog growling": 6}
    rows = read_table(tmp_path / "derived")
    assert {row["made_from"] for row in rows} == {"dog bark"}
    assert {(row["source"], row["licence"]) for row in rows} == {("mine", "CC0")}
    assert {row["group"] for row in rows} == {f"dogs/dog{number}00.wav" for number in range(6)}
    for row in rows:
        waveform, rate = soundfile.read(tmp_path / "derived" / row["file_name"])
        ratio = float(row["ratio"])
        heard = LOW if ratio == 1 else HIGH * ratio
        peak = np.argmax(np.abs(np.fft.rfft(waveform))) * rate / len(waveform)
        assert peak == pytest.approx(heard, rel=0.03)
        assert float(row["end"]) - float(row["start"]) == pytest.approx(len(waveform) / rate * ratio, abs=0.01)


def test_derived_sounds_stay_in_the_split_of_their_recording(bank, tmp_path):
    derive_bank([bank], tmp_path / "derived", Growls())
    both = FolderBank([bank, tmp_path / "derived"], RATE, train_first=True)
    origin = {f"derived/{row['file_name']}": row["group"] for row in read_table(tmp_path / "derived")}
    assert len(origin) == 6
    for split in SPLITS:
        made_from = {origin[name] for name in both.files("dog growling", split)}
        assert made_from
        assert made_from == set(both.files("dog bark", split))


def test_derived_sounds_stay_with_their_recording_in_folders_of_one_name(bank, tmp_path):
    other = tmp_path / "other" / "dogs"
    shutil.copytree(bank, other)
    folders = [bank, other]
    derive_bank(folders, tmp_path / "derived", Growls())
    both = FolderBank([*folders, tmp_path / "derived"], RATE, train_first=True)
    origin = {f"derived/{row['file_name']}": row["group"] for row in read_table(tmp_path / "derived")}
    assert len(set(origin.values())) == 12
    for split in SPLITS:
        assert {origin[name] for name in both.files("dog growling", split)} == set(both.files("dog bark", split))


def test_stand_ins_are_recordings_for_sounds_that_are_still_missing(bank, tmp_path):
    assert main([str(bank), "--derive", "--stand-ins", "--output", str(tmp_path / "derived")]) == 0
    rows = [row for row in read_table(tmp_path / "derived") if row["drawn"]]
    assert {(row["category"], row["drawn"]) for row in rows} == {("dog whimpering", "Whimper (dog)")}
    assert {row["group"] for row in rows} == {*(f"dogs/dog{number}00.wav" for number in range(6)), "dogs/cat.wav"}
    folders = [bank, tmp_path / "derived"]
    assert "dog whimpering" not in FolderBank(folders, RATE, train_first=True).categories
    both = FolderBank(folders, RATE, train_first=True, stand_ins=True)
    assert both.drawn == {"dog whimpering": ("Whimper (dog)",)}
    origin = {f"derived/{row['file_name']}": row["group"] for row in rows}
    assert {origin[name] for name in both.files("dog whimpering", "train")} == {
        *both.files("dog bark", "train"),
        *both.files("cat", "train"),
    }
    assert "dog whimpering" not in {*both.available("validation"), *both.available("test")}


def test_stand_ins_are_added_to_few_recordings_but_not_to_many(bank, tmp_path, monkeypatch):
    main([str(bank), "--derive", "--stand-ins", "--output", str(tmp_path / "derived")])
    own = tmp_path / "own"
    own.mkdir()
    soundfile.write(own / "whimper.wav", tones(HIGH), RATE)
    (own / "labels.csv").write_text("file_name,category\nwhimper.wav,Whimper (dog)\n")
    folders = [bank, tmp_path / "derived", own]
    few = FolderBank(folders, RATE, train_first=True, stand_ins=True)
    assert few.drawn == {"dog whimpering": ("Whimper (dog)",)}
    assert not few.only_drawn
    assert few.count("dog whimpering", "train") == 2 + few.count("dog bark", "train")
    rng = np.random.default_rng(0)
    assert {few.recording_or_stand_in("dog whimpering", "train", rng)[1] for _ in range(50)} == {"", "Whimper (dog)"}
    assert {few.recording_or_stand_in("dog bark", "train", rng)[1] for _ in range(5)} == {""}
    monkeypatch.setattr(folder_bank, "ENOUGH", 1)
    many = FolderBank(folders, RATE, train_first=True, stand_ins=True)
    assert not many.drawn
    assert many.files("dog whimpering", "train") == ["own/whimper.wav"]


def test_stand_ins_are_no_recordings_to_derive_from(bank, tmp_path):
    main([str(bank), "--derive", "--stand-ins", "--output", str(tmp_path / "derived")])
    folders = [str(bank), str(tmp_path / "derived")]
    assert main([*folders, "--derive", "--stand-ins", "--output", str(tmp_path / "again")]) == 0
    again = read_table(tmp_path / "again")
    assert {row["group"].split("/")[0] for row in again if row["drawn"]} == {"dogs", "derived"}
    assert {row["made_from"] for row in again} == {"dog bark", "cat", "dog growling"}


def test_without_its_file_a_recording_does_not_replace_stand_ins(bank, tmp_path):
    (bank / "labels.csv").open("a").write("lost.wav,Whimper (dog),,\n")
    main([str(bank), "--derive", "--stand-ins", "--output", str(tmp_path / "derived")])
    both = FolderBank([bank, tmp_path / "derived"], RATE, train_first=True, stand_ins=True)
    assert both.drawn == {"dog whimpering": ("Whimper (dog)",)}


def test_recordings_that_begin_with_silence_stand_in_for_nothing(bank, tmp_path):
    soundfile.write(bank / "late.wav", np.concatenate([np.zeros(31 * RATE, np.float32), tones(HIGH)]), RATE)
    (bank / "labels.csv").open("a").write("late.wav,cat,,\n")
    main([str(bank), "--derive", "--stand-ins", "--output", str(tmp_path / "derived")])
    groups = {row["group"] for row in read_table(tmp_path / "derived") if row["drawn"]}
    assert "dogs/cat.wav" in groups
    assert "dogs/late.wav" not in groups


def test_a_stand_in_is_the_nearest_stretch_of_the_nearest_recordings(monkeypatch):
    monkeypatch.setattr(stand_ins, "COUNT", 2)
    found = stand_ins.StandIns(["Lawn mower", "Shout", "Male speech, man speaking"], ["man speaking"], (0.48, 0.48))
    scores = np.full((40, 3), 0.01)
    for index, best in enumerate([0.02, 0.5, 0.3]):
        scores[20:32, :2] = best
        found.add(index, Recording(f"{index}.wav", "man speaking" if index else "saw"), scores, 20.0)
    pieces = found.chosen()
    assert {(piece.row, piece.category, piece.drawn) for piece in pieces} == {
        (row, category, drawn)
        for row in (1, 2)
        for category, drawn in (("lawn mower", "Lawn mower"), ("man shouting", "Shout"), ("shouting", "Shout"))
    }
    assert {(piece.start, piece.end) for piece in pieces} == {(20 * 0.48, 20 * 0.48 + 6)}
    assert {piece.category for piece in found.chosen(have=["man shouting"])} == {"lawn mower"}


def test_few_recordings_and_what_was_derived_are_filled_up_by_stand_ins(monkeypatch):
    monkeypatch.setattr(stand_ins, "COUNT", 4)
    monkeypatch.setattr(stand_ins, "ENOUGH", 3)
    have = ["lawn mower", "lawn mower", "bus", "chainsaw", "chainsaw", "chainsaw"]
    found = stand_ins.StandIns(["Lawn mower", "Chainsaw", "Vehicle", "Bus"], have, (0.48, 0.48))
    assert set(found.wanted) == {"lawn mower", "bus"}  # a bus is a vehicle, and there are enough chainsaws
    for index, category in enumerate([*have, "rain", "wind"]):
        found.add(index, Recording(f"{index}.wav", category), np.full((20, 4), 0.01 + 0.01 * index), 9.6)
    pieces = [(piece.category, piece.row) for piece in found.chosen()]
    assert sorted(pieces) == [("bus", 5), ("bus", 6), ("bus", 7), ("lawn mower", 6), ("lawn mower", 7)]
    assert {piece.category for piece in found.chosen(have=["lawn mower"])} == {"bus"}


def test_the_table_of_stand_ins_names_sounds_and_classes():
    everything = set(WORDINGS) - {"man singing", "woman singing", "man shouting", "woman shouting", "man whispering"}
    wanted = stand_ins.StandIns(class_names(), everything, (0.48, 0.48)).wanted
    assert set(wanted) == set(WORDINGS) - everything
    assert all(of in WORDINGS and classes for of, classes in wanted.values())


def test_recordings_that_are_skipped_count_as_done(bank, tmp_path):
    (bank / "dog500.wav").write_bytes(b"")
    done = []
    growth = derive_bank([bank], tmp_path / "derived", Growls(), progress=lambda *numbers: done.append(numbers))
    assert list(growth.skipped) == [str(bank / "dog500.wav")]
    assert done == [(number, 6) for number in range(1, 7)]


def test_stand_ins_need_derive(bank, tmp_path, capsys):
    assert main([str(bank), "--stand-ins", "--output", str(tmp_path / "grown")]) == 2
    assert "--stand-ins needs --derive" in capsys.readouterr().err


def test_what_a_sound_is_a_kind_of_is_no_rival():
    known = one_sound(Growls.class_names, "dog growling", ["dog growling"])
    assert known.classes == ((2,), (1, 3))


def test_the_table_names_sounds_of_the_table():
    rules = derivations()
    assert len({rule.category for rule in rules}) > 20
    for rule in rules:
        assert {rule.category, rule.of, *rule.heard} <= set(WORDINGS)
        assert all(0.3 <= ratio <= 2.5 for ratio in rule.ratios)


@pytest.mark.parametrize("ratio", [0.6, 1.4, 2.1])
def test_pitch_is_changed_without_tempo(ratio):
    voice = tones(200, seconds=2)
    changed = change_tempo(change_speed(voice, ratio), ratio, RATE)
    assert len(changed) == pytest.approx(len(voice), abs=2)
    assert pitch(changed, RATE) == pytest.approx(200 * ratio, rel=0.03)
    level = np.sqrt(np.mean(np.square(changed[RATE // 4 : -RATE // 4])))
    assert level == pytest.approx(np.sqrt(np.mean(np.square(voice))), rel=0.1)


def test_noise_has_no_pitch():
    assert np.isnan(pitch(np.random.default_rng(0).normal(size=RATE).astype(np.float32), RATE))
    assert np.isnan(pitch(np.zeros(100, np.float32), RATE))


def test_derivation_needs_the_pitch_of_its_rule(bank, tmp_path):
    rule = next(rule for rule in derivations() if rule.category == "dog growling")
    growth = derive_bank([bank], tmp_path / "none", Growls(), rules=[dataclasses.replace(rule, pitch=(100, 200))])
    assert not growth.pieces
    assert not (tmp_path / "none").exists()


def test_only_allowed_recordings_are_used(bank, tmp_path, capsys):
    table = (bank / "labels.csv").read_text()
    (bank / "labels.csv").write_text(table.replace("mine,CC0", "mine,CC BY-SA", 4))
    command = [str(bank), "--derive", "--licences", "free", "--output", str(tmp_path / "derived")]
    assert main(command) == 0
    assert "kept 2 of 7 clips" in capsys.readouterr().err
    rows = read_table(tmp_path / "derived")
    assert {row["licence"] for row in rows} == {"CC0"}
    assert {row["group"] for row in rows} == {"dogs/dog400.wav", "dogs/dog500.wav"}


def test_derived_sounds_have_the_licence_given_for_their_folder(bank, tmp_path):
    (bank / "labels.csv").write_text("file_name,category\ndog000.wav,dog\n")
    assert main([f"CC-BY={bank}", "--derive", "--licences", "free", "--output", str(tmp_path / "derived")]) == 0
    assert [row["licence"] for row in read_table(tmp_path / "derived")] == ["CC-BY"]


def test_what_is_derived_has_the_licence_of_its_recording(bank, tmp_path, capsys):
    for flag in ("--licence", "--source"):
        assert main([str(bank), "--derive", flag, "mine", "--output", str(tmp_path / "derived")]) == 2
        assert "LICENCE=FOLDER" in capsys.readouterr().err


def test_where_nothing_can_be_derived_stand_ins_are_suggested(tmp_path, capsys):
    (tmp_path / "cats").mkdir()
    soundfile.write(tmp_path / "cats" / "cat.wav", tones(HIGH), RATE)
    (tmp_path / "cats" / "labels.csv").write_text("file_name,category\ncat.wav,cat\n")
    assert main([str(tmp_path / "cats"), "--derive", "--output", str(tmp_path / "derived")]) == FAILED
    said = capsys.readouterr().err
    assert "--stand-ins" in said
    assert "--threshold" not in said


def test_licences_need_derive(bank, tmp_path, capsys):
    assert main([str(bank), "--licences", "free", "--output", str(tmp_path / "grown")]) == 2
    assert "--licences needs --derive" in capsys.readouterr().err
