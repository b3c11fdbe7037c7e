"""Datasets as they lie on disk."""

import csv

import pytest

from aac_tf.datasets import DatasetError, read_audiocaps, read_clotho, read_manifest


def write_csv(path, header, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


CLOTHO = ["file_name", *[f"caption_{k}" for k in range(1, 6)]]


def test_clotho_with_odd_names_and_missing_files(tmp_path):
    captions = ["A.", "B, b", "C", "D", " E "]
    write_csv(tmp_path / "clotho_captions_development.csv", CLOTHO, [" lead.wav", *captions], ["gone.wav", *captions])
    touch(tmp_path / "development" / " lead.wav", tmp_path / "development" / "spare.wav")
    clips = read_clotho(tmp_path, "train")
    assert [(clip.name, clip.captions) for clip in clips] == [(" lead.wav", ["A.", "B, b", "C", "D", "E"])]
    assert dict(clips.left_out).keys() == {"gone.wav", "spare.wav"}
    assert "no such file" in dict(clips.left_out)["gone.wav"]
    assert "no captions" in dict(clips.left_out)["spare.wav"]
    assert read_clotho(tmp_path, "validation") is None
    assert [clip.name for clip in read_clotho(tmp_path, "train", audio_needed=False)] == [" lead.wav", "gone.wav"]


@pytest.mark.real_data
def test_clotho_as_published(real_data):
    assert len(read_clotho(real_data / "clotho_v1", "train", audio_needed=False)) == 2893
    assert len(read_clotho(real_data / "clotho_v1", "test", audio_needed=False)) == 1045
    sizes = [
        len(read_clotho(real_data / "clotho_v2.1", s, audio_needed=False)) for s in ("train", "validation", "test")
    ]
    assert sizes == [3839, 1045, 1045]
    validation = read_clotho(real_data / "clotho_v2.1", "validation")
    assert len(validation) == 13
    assert any(clip.name.startswith(" ") for clip in validation)
    assert len(validation.left_out) == 1045 - 13


@pytest.mark.parametrize("form", ["{video}_{start}.wav", "Y{video}.flac", "{video}.mp3"])
def test_audiocaps_finds_clips_by_the_names_that_tools_give(tmp_path, form):
    write_csv(
        tmp_path / "val.csv",
        ["audiocap_id", "youtube_id", "start_time", "caption"],
        ["1", "-abc", "30", "Rain falls"],
        ["2", "-abc", "30", "It rains"],
        ["3", "zzz", "0", "Nothing"],
    )
    touch(tmp_path / "val" / form.format(video="-abc", start=30))
    clips = read_audiocaps(tmp_path, "validation")
    assert [clip.captions for clip in clips] == [["Rain falls", "It rains"]]
    assert clips[0].path == str(tmp_path / "val" / form.format(video="-abc", start=30))
    assert [name for name, _ in clips.left_out] == ["zzz_0"]
    assert read_audiocaps(tmp_path, "test") is None


@pytest.mark.real_data
def test_audiocaps_as_published(real_data):
    clips = read_audiocaps(real_data / "audiocaps_v1", "train", audio_needed=False)
    assert sum(len(clip.captions) for clip in clips) == 49838


def test_manifest_with_a_row_a_caption(tmp_path):
    write_csv(tmp_path / "train.csv", ["file_name", "caption"], ["a/x.wav", "one"], ["a/x.wav", "two"], ["y.wav", ""])
    touch(tmp_path / "a" / "x.wav", tmp_path / "y.wav")
    clips = read_manifest(tmp_path, "train")
    assert [(clip.name, clip.captions) for clip in clips] == [("a/x.wav", ["one", "two"])]
    assert clips.left_out == [("y.wav", "has no captions")]
    assert [clip.name for clip in read_manifest(tmp_path / "train.csv", "train")] == ["a/x.wav"]
    assert read_manifest(tmp_path, "validation") is None


def test_mistakes_are_named(tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        read_clotho(tmp_path / "none", "train")
    write_csv(tmp_path / "train.csv", ["file", "text"], ["a", "b"])
    with pytest.raises(DatasetError, match="no column file_name"):
        read_manifest(tmp_path, "train")
    write_csv(tmp_path / "train.csv", ["file_name", "text"], ["a", "b"])
    with pytest.raises(DatasetError, match="no captions"):
        read_manifest(tmp_path, "train")
    (tmp_path / "train.csv").write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(DatasetError, match=r"train\.csv"):
        read_manifest(tmp_path, "train")


def test_predictions_beside_the_captions_are_no_captions(tmp_path):
    write_csv(
        tmp_path / "m.csv", ["file_name", "caption_1", "caption_2", "caption_predicted"], ["a.wav", "x", "y", "z"]
    )
    touch(tmp_path / "a.wav")
    assert [clip.captions for clip in read_manifest(tmp_path / "m.csv", "train")] == [["x", "y"]]
