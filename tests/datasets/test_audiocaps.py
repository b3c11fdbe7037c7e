import pytest
from contracts.dataset import check_dataset
from dataset_files import touch, write_csv

from aac_tf.datasets import AudioCaps, DatasetError

HEADER = ["audiocap_id", "youtube_id", "start_time", "caption"]


@pytest.mark.parametrize("form", ["{video}_{start}.wav", "Y{video}.flac", "{video}.mp3"])
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
