import pytest
from contracts.dataset import check_dataset
from dataset_files import touch, write_csv

from aac_tf.datasets import DatasetError, Manifest


@pytest.fixture
def root(tmp_path):
    rows = ["a/x.wav", "one"], ["a/x.wav", "two"], ["y.wav", ""], ["z.wav", "gone"]
    write_csv(tmp_path / "train.csv", ["file_name", "caption"], *rows)
    touch(tmp_path / "a" / "x.wav", tmp_path / "y.wav")
    return tmp_path


def test_contract(root):
    check_dataset(Manifest(root), ["train"])
    check_dataset(Manifest(root / "train.csv"), ["train"])


def test_one_caption_per_row(root):
    clips = Manifest(root).clips("train")
    assert [(clip.name, clip.captions) for clip in clips] == [("a/x.wav", ["one", "two"])]
    assert clips.left_out == [("y.wav", "has no captions"), ("z.wav", f"no such file in {root}")]
    assert [clip.name for clip in Manifest(root / "train.csv").clips("train")] == ["a/x.wav"]
    assert Manifest(root).clips("validation") is None


def test_errors_name_the_root_and_the_splits_that_exist(root):
    with pytest.raises(DatasetError, match=r"none does not exist: expected a CSV file, or a folder with train\.csv"):
        Manifest(root / "none").clips("train")
    (root / "a" / "mine.csv").write_text("file_name,caption\nx.wav,text\n")
    with pytest.raises(DatasetError, match=r"a has none of train\.csv, .*or give the path of a CSV file"):
        Manifest(root / "a").require("train")
    with pytest.raises(DatasetError, match=r"Manifest\(.*\) has no test split; it has train"):
        Manifest(root).require("test")
    write_csv(root / "test.csv", ["file_name", "caption"], ["t.wav", "text"])
    with pytest.raises(DatasetError, match=r"test split of .* no usable clip; for example: t\.wav: no such file"):
        Manifest(root).require("test")
