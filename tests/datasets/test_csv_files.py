import pytest
from dataset_files import write_csv

from aac_tf.datasets import DatasetError
from aac_tf.datasets.csv_files import read_captions


def test_other_columns_are_no_captions(tmp_path):
    header = ["file_name", "caption_1", "caption_2", "caption_predicted"]
    write_csv(tmp_path / "m.csv", header, ["a.wav", "x", "y", "z"])
    assert read_captions(tmp_path / "m.csv") == {"a.wav": ["x", "y"]}


def test_errors_name_the_file_and_what_it_lacks(tmp_path):
    path = tmp_path / "train.csv"
    with pytest.raises(DatasetError, match=r"cannot read .*train\.csv: No such file"):
        read_captions(path)
    write_csv(path, ["file", "text"], ["a", "b"])
    with pytest.raises(DatasetError, match="no column file_name"):
        read_captions(path)
    write_csv(path, ["file_name", "text"], ["a", "b"])
    with pytest.raises(DatasetError, match="no captions"):
        read_captions(path)
    path.write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(DatasetError, match=r"train\.csv"):
        read_captions(path)
