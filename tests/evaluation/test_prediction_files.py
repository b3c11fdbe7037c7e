"""Captions files."""

import csv
import json

import pytest

from aac_tf.datasets import DatasetError
from aac_tf.evaluation.prediction_files import match_predictions, read_candidates, read_references


def write(path, *rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def test_names_and_captions_are_read_verbatim(tmp_path):
    path = write(tmp_path / "p.csv", ["file_name", "caption_predicted"], [" a.wav", 'say "hi",\nagain'], ["b.wav", ""])
    assert read_candidates(path) == {" a.wav": ['say "hi",\nagain'], "b.wav": [""]}
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as spreadsheets save it
    assert list(read_candidates(path)) == [" a.wav", "b.wav"]
    path = write(
        tmp_path / "r.csv", ["file_name", "caption_1", "caption_2"], ["a.wav", "one", "two"], ["b.wav", "", "x"]
    )
    assert read_references(path) == {"a.wav": ["one", "two"], "b.wav": ["x"]}
    path = write(tmp_path / "rows.csv", ["file_name", "caption"], ["a.wav", "one"], ["a.wav", "two"])
    assert read_references(path) == {"a.wav": ["one", "two"]}


def test_several_captions_are_read_best_first(tmp_path):
    columns = ["file_name", "caption_predicted", "caption_predicted_10", "caption_predicted_2"]
    path = write(tmp_path / "p.csv", columns, ["a.wav", "one", "three", "two"], ["b.wav", "", "x", " "])
    assert read_candidates(path) == {"a.wav": ["one", "two", "three"], "b.wav": ["", "x"]}


def test_captions_are_read_from_json_lines(tmp_path):
    path = tmp_path / "captions.jsonl"
    lines = [
        {"file": "clips/ a.wav", "caption": "one\u2028more", "alternatives": [{"caption": "two", "log_prob": -1}]},
        {"file": "clips/broken.wav", "error": "it is empty"},
        {"file": "C:\\clips\\b.wav", "caption": ""},
    ]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n", encoding="utf-8")
    assert read_candidates(path) == {"clips/ a.wav": ["one\u2028more", "two"], "C:\\clips\\b.wav": [""]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "contains no captions"),
        ("[1]", "line 1 must be a JSON object with file and caption"),
        ('{"file": "a.wav"}', "line 1 must be"),
        ('{"file": "a.wav", "caption": 1}', "line 1 must be"),
        ('{"file": 1, "caption": "b"}', "line 1 must be"),
        ('{"file": "a.wav", "caption": "b"}\n{"file": "a.wav", "caption": "c"}', "1 repeated file names: 'a.wav'"),
    ],
)
def test_invalid_json_lines_are_refused(text, message, tmp_path):
    (tmp_path / "captions.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_candidates(tmp_path / "captions.json")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["file_name", "caption"], ["a.wav", "x"]], "no column caption_predicted"),
        ([["file_name", "caption_predicted"], ["a.wav", "x"], ["a.wav", "y"]], "1 repeated file names: 'a.wav'"),
        ([["file_name", "caption_predicted"], ["a.wav"]], "row 1 must have a file name and one value per column"),
        (
            [["file_name", "caption_predicted"], ["a.wav", "a dog", " a cat"]],
            "row 1 must have a file name and one value per column",
        ),
        ([["file_name", "caption_predicted"], ["", "a dog"]], "row 1 must have a file name"),
    ],
)
def test_invalid_predictions_are_refused(rows, message, tmp_path):
    with pytest.raises(DatasetError, match=message):
        read_candidates(write(tmp_path / "p.csv", *rows))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["file_name", "caption_predicted"], ["a.wav", "x"]], "no references: expected columns caption_1"),
        ([["file_name", "caption_1"], ["a.wav", "x"], ["a.wav", "y"]], "1 repeated file names: 'a.wav'"),
        ([["file_name", "caption_1"], ["a.wav", " "]], "1 files without a caption: 'a.wav'"),
        ([["file_name", "caption_1"]], "contains no captions"),
    ],
)
def test_invalid_references_are_refused(rows, message, tmp_path):
    with pytest.raises(DatasetError, match=message):
        read_references(write(tmp_path / "r.csv", *rows))


def test_predictions_are_matched_in_the_order_of_the_references():
    references = {"a": ["x"], "b": ["y"], "c": ["z"]}
    found, missing = match_predictions({"c": "3", "a": "1", "b": "2"}, references)
    assert (list(found.items()), missing) == ([("a", "1"), ("b", "2"), ("c", "3")], [])
    with pytest.raises(DatasetError, match=r"mine: 2 files without a prediction .*: 'a', 'c'"):
        match_predictions({"b": "2"}, references, what="mine")
    assert match_predictions({"b": "2"}, references, partial=True) == ({"b": "2"}, ["a", "c"])
    with pytest.raises(DatasetError, match="1 files that are not in the references: 'B'"):
        match_predictions({"a": "1", "B": "2"}, references, partial=True)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("park/dog.wav", "park/dog.wav"),
        ("./park/dog.wav", "park/dog.wav"),
        ("/data/clips/park/dog.wav", "park/dog.wav"),
        ("C:\\clips\\park\\dog.wav", "park/dog.wav"),
        ("elsewhere/rain.wav", "rain.wav"),
        ("cat.wav", "yard/cat.wav"),
        ("house/cat.wav", None),  # another cat
        ("dog.wav", None),  # which of the two?
        ("park/hotdog.wav", None),
    ],
)
def test_predictions_are_matched_by_the_end_of_their_paths(name, reference):
    references = {file: ["x"] for file in ("park/dog.wav", "street/dog.wav", "rain.wav", "yard/cat.wav")}
    if reference is None:
        with pytest.raises(DatasetError, match="1 files that are not in the references"):
            match_predictions({name: "a"}, references, partial=True)
    else:
        assert match_predictions({name: "a"}, references, partial=True)[0] == {reference: "a"}


def test_two_predictions_of_one_file_are_refused():
    with pytest.raises(DatasetError, match=r"mine: 1 more predictions of files that have one already: 'y/a.wav'"):
        match_predictions({"x/a.wav": "b", "y/a.wav": "c"}, {"a.wav": ["x"]}, what="mine")


def test_references_in_the_layout_of_audiocaps(tmp_path):
    path = write(
        tmp_path / "val.csv",
        ["audiocap_id", "youtube_id", "start_time", "caption"],
        ["1", "abc", "30", "rain"],
        ["2", "abc", "30", "it rains"],
        ["3", "xyz", "7", "wind"],
        ["4", "other", "0", "a dog"],
    )
    names = ["Yabc.wav", "val/xyz_7000_17000.flac"]
    expected = {"Yabc.wav": ["rain", "it rains"], "xyz_7000_17000.flac": ["wind"], "other_0": ["a dog"]}
    assert read_references(path, names) == expected
    assert list(read_references(path)) == ["abc_30", "xyz_7", "other_0"]
