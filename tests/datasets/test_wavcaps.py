import json

import pytest
from contracts.dataset import check_dataset
from dataset_files import touch

from aac_tf.datasets import DatasetError, WavCaps


def write(root, source, name, *entries):
    folder = root / "json_files" / source
    folder.mkdir(parents=True, exist_ok=True)
    table = {"num_captions_per_audio": 1, "data": [{"id": clip, "caption": text} for clip, text in entries]}
    (folder / name).write_text(json.dumps(table))


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "AudioSet_SL", "as_final.json", ("Yabc.wav", "A dog barks."), ("Yhidden.wav", "A cat."))
    write(tmp_path, "FreeSound", "fsd_final.json", ("7", "Rain falls."), ("9", "Wind."), ("10", ""))
    write(tmp_path, "SoundBible", "sb_final.json", ("7", "A bell rings."))
    touch(tmp_path / "Audio/AudioSet_SL/Yabc.flac", tmp_path / "Audio/AudioSet_SL/Yhidden.flac")
    touch(tmp_path / "FreeSound_flac/7.flac", tmp_path / "FreeSound_flac/10.flac")
    touch(tmp_path / "Audio/SoundBible/7.flac")
    return tmp_path


def blacklist(root):
    folder = root / "json_files/blacklist"
    folder.mkdir()
    lists = {"AudioSet": ["Yhidden.wav"], "FreeSound": ["9"]}
    (folder / "blacklist_exclude_test_ac.json").write_text(json.dumps(lists))


def test_contract(root):
    check_dataset(WavCaps(root), ["train"])
    blacklist(root)
    check_dataset(WavCaps(root), ["train"])
    check_dataset(WavCaps(root / "json_files/FreeSound/fsd_final.json"), ["train"])


def test_sources_that_number_their_clips_alike(root):
    clips = WavCaps(root).clips("train")
    assert {clip.name: clip.captions for clip in clips} == {
        "AudioSet_SL/Yabc.flac": ["A dog barks."],
        "AudioSet_SL/Yhidden.flac": ["A cat."],
        "FreeSound/7.flac": ["Rain falls."],
        "SoundBible/7.flac": ["A bell rings."],
    }
    assert dict(clips.left_out).keys() == {"FreeSound/9.flac", "FreeSound/10.flac"}


def test_clips_of_the_test_splits_of_others_are_left_out(root):
    blacklist(root)
    for audio_needed in (True, False):
        clips = WavCaps(root).clips("train", audio_needed)
        left_out = dict(clips.left_out)
        assert left_out["AudioSet_SL/Yhidden.flac"] == "in the test split of AudioCaps or Clotho"
        assert left_out["FreeSound/9.flac"] == "in the test split of AudioCaps or Clotho"
        assert not {clip.name for clip in clips} & left_out.keys()


def test_one_source(root):
    clips = WavCaps(root / "json_files/FreeSound/fsd_final.json").clips("train")
    assert [clip.name for clip in clips] == ["FreeSound/7.flac"]


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="has no json_files/SOURCE"):
        WavCaps(tmp_path).clips("train")
    write(tmp_path, "FreeSound", "fsd_final.json")
    path = tmp_path / "json_files/FreeSound/fsd_final.json"
    for content in ("[]", '{"data": [{"id": "7"}]}', "{"):
        path.write_text(content)
        with pytest.raises(DatasetError, match="expected `data`, a list of objects with `id` and `caption`"):
            WavCaps(tmp_path).clips("train")
