"""Which clips a bank may use by its licences."""

import csv

import numpy as np
import pytest
import soundfile
from contracts.bank import check_bank

from aac_tf.datasets import DatasetError
from aac_tf.scenes import Scenes
from aac_tf.scenes.banks import FolderBank
from aac_tf.scenes.banks.labels import Recording, read_labels
from aac_tf.scenes.files import bank_folders
from aac_tf.scenes.licences import LicenceFilter, licence_names, licences_of

FREE = LicenceFilter(licence_names("free"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("CC0", "CC0"),
        ("CC0 1.0 Universal", "CC0"),
        ("Creative Commons 0", "CC0"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0"),
        ("CC BY 4.0", "CC BY"),
        ("cc-by-3.0", "CC BY"),
        ("Creative Commons Attribution 4.0 International", "CC BY"),
        ("https://creativecommons.org/licenses/by/3.0/", "CC BY"),
        ("CC BY-SA 3.0-4.0", "CC BY-SA"),
        ("CC BY-NC 3.0", "CC BY-NC"),
        ("Attribution NonCommercial", "CC BY-NC"),
        ("CC BY-NC-SA", "CC BY-NC-SA"),
        ("https://creativecommons.org/licenses/by-nc/4.0/", "CC BY-NC"),
        ("MIT License", "MIT"),
        ("Public Domain", "public domain"),
        ("GPL-2.0+", "GPL"),
        ("LGPL-2.1", "LGPL"),
        ("Apache License, Version 2.0", "Apache-2.0"),
    ],
)
def test_the_usual_spellings_of_a_licence(text, names):
    assert licences_of(text) == {names}


@pytest.mark.parametrize(
    "text",
    [
        "CC0 / CC BY (credits.txt)",
        "LibriSpeech CC BY 4.0",
        "CC BY 4.0 (LibriTTS)",
        "MIT; sounds freesound CC0 / CC BY",
        "CC BY 3.0 / CC0 (UrbanSound, Freesound)",
        "MIT (CC0 media)",
        "public domain",
    ],
)
def test_free_texts(text):
    assert licences_of(text)
    assert licences_of(text) <= FREE.allowed


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "CC0 / CC BY 3.0 / CC BY-SA 3.0 (per file, list.md)",
        "CC0 / CC BY (pack CC BY-SA 4.0)",
        "CC0 (except engine.ogg)",
        "CC recordings; repository MIT",
        "CC BY 4.0 (some files: all rights reserved)",
        "CC (per file)",
        "GPL-2+/public domain (stamps)",
        "GPL-3.0; sounds free (soundbible)",
        "Some Content License or CC0",
        "ODbL/DbCL",
        "CC BY-SA",
        "CC BY-NC 3.0",
        "not CC0",
        "CC0?? ask the author",
        "submit",
        "by permission",
    ],
)
def test_texts_that_are_not_free_or_not_understood(text):
    assert not (licences_of(text) and licences_of(text) <= FREE.allowed)


def test_names_of_allowed_licences():
    assert licence_names("free") == {"CC0", "CC BY", "MIT", "public domain"}
    assert licence_names(["Free", "cc-by-sa"]) == licence_names("free") | {"CC BY-SA"}
    with pytest.raises(DatasetError, match=r"unknown licence 'fre' .* expected some of free, CC0, "):
        licence_names("fre")
    with pytest.raises(DatasetError, match="takes a list of names"):
        licence_names({"free": True})


def write_bank(folder, rows, header=("file_name", "category", "licence")):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, *_ in rows:
        soundfile.write(folder / name, rng.uniform(-0.5, 0.5, 8000), 16000)
    with open(folder / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([header, *(row[: len(header)] for row in rows)])
    return folder


@pytest.fixture
def bank(tmp_path):
    rows = [(f"rain{number}00.wav", "rain", "CC0") for number in range(3)]
    rows += [(f"bell{number}00.wav", "bell", "CC BY-SA") for number in range(3)]
    return write_bank(tmp_path / "mine", rows)


def test_a_bank_keeps_what_is_allowed_and_says_what_it_lost(bank, caplog):
    assert FolderBank(bank, train_first=True).categories == ("bell", "rain")
    with caplog.at_level("WARNING"):
        kept = FolderBank(bank, train_first=True, licences=FREE)
    assert kept.categories == ("rain",)
    assert "kept 3 of 6 clips and 1 of 2 kinds of sound; left out: CC BY-SA (3)" in caplog.text
    assert kept.describe()["licences"] == sorted(FREE.allowed)
    both = FolderBank(bank, train_first=True, licences=LicenceFilter(licence_names("free, CC BY-SA")))
    assert both.categories == ("bell", "rain")


def test_a_folder_without_licences_needs_one_by_name(bank, tmp_path):
    other = write_bank(tmp_path / "other", [("dog.wav", "dog bark")], ("file_name", "category"))
    options = {"train": 1, "validation": 1, "test": 1, "scripts": "templates", "licences": "free"}
    with pytest.raises(DatasetError, match=f"{other} does not say which licences .* such as CC-BY={other}"):
        Scenes(tmp_path / "s", bank=[bank, other], **options).check()
    Scenes(tmp_path / "s", bank=f"{bank},CC-BY={other}", **options).check()
    with pytest.raises(DatasetError, match="unknown licence 'mine'"):
        bank_folders(f"mine={other}")
    recordings = read_labels([other])[1]
    (found,) = LicenceFilter(FREE.allowed, ["CC-BY"]).select(recordings, "other", [other]).recordings
    assert found.licence == "CC-BY"


@pytest.mark.parametrize("stand_ins", [True, False])
def test_a_folder_of_stand_ins_alone_is_no_folder_without_licences(bank, tmp_path, stand_ins):
    rows = [(f"mower{number}.wav", "lawn mower", "CC0", "Lawn mower") for number in range(2)]
    derived = write_bank(tmp_path / "derived", rows, ("file_name", "category", "licence", "drawn"))
    options = {"train": 1, "validation": 1, "test": 1, "scripts": "templates", "licences": "free"}
    Scenes(tmp_path / "s", bank=[bank, derived], **options).check()
    found = FolderBank([bank, derived], train_first=True, licences=FREE, stand_ins=stand_ins)
    assert found.categories == (("lawn mower", "rain") if stand_ins else ("rain",))
    check_bank(found)


def test_a_named_licence_does_not_override_the_table(bank):
    rows = read_labels([bank])[1]
    assert LicenceFilter(FREE.allowed, ["CC0"]).select(rows, "mine", [bank]).clips == (3, 6)


def test_nothing_left():
    with pytest.raises(
        DatasetError, match=r"no clip of mine has only licences among .*; left out: no licence named \(1\)"
    ):
        FREE.select([Recording("1.wav", "rain")], "mine")
