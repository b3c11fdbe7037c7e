import pytest
from contracts.dataset import check_dataset
from dataset_files import touch, write_csv

from aac_tf.datasets import Clotho, DatasetError

HEADER = ["file_name", *[f"caption_{k}" for k in range(1, 6)]]
CAPTIONS = ["A.", "B, b", "C", "D", " E "]


@pytest.fixture
def root(tmp_path):
    write_csv(tmp_path / "clotho_captions_development.csv", HEADER, [" lead.wav", *CAPTIONS], ["gone.wav", *CAPTIONS])
    touch(tmp_path / "development" / " lead.wav", tmp_path / "development" / "spare.wav")
    return tmp_path


def test_contract(root):
    check_dataset(Clotho(root), ["train"])
    write_csv(root / "clotho_captions_validation.csv", HEADER, ["v.wav", *CAPTIONS])
    write_csv(root / "clotho_captions_evaluation.csv", HEADER, ["t.wav", *CAPTIONS])
    touch(root / "validation" / "v.wav", root / "evaluation" / "t.wav")
    check_dataset(Clotho(root), ["train", "validation", "test"])


def test_names_with_leading_spaces_and_missing_files(root):
    clips = Clotho(root).clips("train")
    assert [(clip.name, clip.captions) for clip in clips] == [(" lead.wav", ["A.", "B, b", "C", "D", "E"])]
    assert dict(clips.left_out).keys() == {"gone.wav", "spare.wav"}
    assert "no such file" in dict(clips.left_out)["gone.wav"]
    assert "no captions" in dict(clips.left_out)["spare.wav"]
    assert Clotho(root).clips("validation") is None
    assert [clip.name for clip in Clotho(root).clips("train", audio_needed=False)] == [" lead.wav", "gone.wav"]


def test_errors_name_the_folder_and_the_files(root):
    with pytest.raises(DatasetError, match=r"none does not exist; expected a folder with clotho_captions_\*\.csv"):
        Clotho(root / "none").clips("train")
    write_csv(root / "clotho_captions_development_v2.csv", HEADER)
    with pytest.raises(DatasetError, match=r"several caption files for train.*development\.csv.*development_v2\.csv"):
        Clotho(root).clips("train")


@pytest.mark.real_data
def test_published_versions(real_data):
    assert len(Clotho(real_data / "clotho_v1").clips("train", audio_needed=False)) == 2893
    assert len(Clotho(real_data / "clotho_v1").clips("test", audio_needed=False)) == 1045
    dataset = Clotho(real_data / "clotho_v2.1")
    sizes = [len(dataset.clips(split, audio_needed=False)) for split in ("train", "validation", "test")]
    assert sizes == [3839, 1045, 1045]
    validation = dataset.clips("validation")
    assert len(validation) == 13
    assert any(clip.name.startswith(" ") for clip in validation)
    assert len(validation.left_out) == 1045 - 13
    check_dataset(dataset, ["train", "validation", "test"])
