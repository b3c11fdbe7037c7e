import pytest
from contracts.dataset import check_dataset
from dataset_files import touch, write_csv

from aac_tf.datasets import AudioCaps, DatasetError

HEADER = ["audiocap_id", "youtube_id", "start_time", "caption"]


@pytest.mark.parametrize(
    "form",
    [
        "{video}_{start}.wav",
        "Y{video}.flac",
        "{video}.mp3",
        "Y{video}_{start}.wav",
        "{video}_30000_40000.wav",
        "Y{video}_30.000_40.000.wav",
        "Y{video}_30.0_39.5.wav",
        "{video}_30_40.wav",
    ],
)
def test_finds_clips_by_the_names_that_download_tools_give(tmp_path, form):
    write_csv(
        tmp_path / "val.csv",
        HEADER,
        ["1", "-abc", "30", "Rain falls"],
        ["2", "-abc", "30", "It rains"],
        ["3", "zzz", "0", "Nothing"],
    )
    touch(tmp_path / "val" / form.format(video="-abc", start=30))
    dataset = AudioCaps(tmp_path)
    check_dataset(dataset, ["validation"])
    clips = dataset.clips("validation")
    assert [clip.captions for clip in clips] == [["Rain falls", "It rains"]]
    assert clips[0].path == str(tmp_path / "val" / form.format(video="-abc", start=30))
    assert [name for name, _ in clips.left_out] == ["zzz_0"]
    assert dataset.clips("test") is None


def test_errors_name_the_folder(tmp_path):
    with pytest.raises(DatasetError, match=r"none does not exist; expected a folder with train\.csv"):
        AudioCaps(tmp_path / "none").clips("train")


@pytest.mark.real_data
def test_published_version(real_data):
    clips = AudioCaps(real_data / "audiocaps_v1").clips("train", audio_needed=False)
    assert sum(len(clip.captions) for clip in clips) == 49838


def test_rows_without_a_caption_are_left_out(tmp_path):
    (tmp_path / "val.csv").write_text("youtube_id,start_time,caption\na,0,a dog\nb,0\nc,0,.\na,0,\n")
    touch(*(tmp_path / "val" / f"{name}.wav" for name in "abc"))
    clips = AudioCaps(tmp_path).clips("validation")
    assert [clip.captions for clip in clips] == [["a dog"]]
    assert clips.left_out == [("val/b.wav", "has no captions"), ("val/c.wav", "has no captions")]


def test_clips_of_one_video_are_told_apart(tmp_path):
    write_csv(tmp_path / "val.csv", HEADER, ["1", "x_1", "7", "rain"], ["2", "x_1", "17", "wind"])
    touch(tmp_path / "val" / "x_1_7000_17000.wav", tmp_path / "val" / "x_1_17000_27000.wav")
    clips = AudioCaps(tmp_path).clips("validation")
    assert {clip.name: clip.captions for clip in clips} == {
        "val/x_1_7000_17000.wav": ["rain"],
        "val/x_1_17000_27000.wav": ["wind"],
    }


def test_audiocaps_2_has_a_further_column_and_several_captions_per_clip(tmp_path):
    header = ["audiocap_id", "youtube_id", "start_time", "caption"]
    rows = [["1", "abc", "30", "rain falls"], ["2", "abc", "30", "it rains"], ["3", "abc", "40", "wind"]]
    write_csv(tmp_path / "train.csv", header, *rows)
    touch(tmp_path / "train" / "abc_30.flac", tmp_path / "train" / "abc_40.flac")
    dataset = AudioCaps(tmp_path)
    check_dataset(dataset, ["train"])
    assert [clip.captions for clip in dataset.clips("train")] == [["rain falls", "it rains"], ["wind"]]
