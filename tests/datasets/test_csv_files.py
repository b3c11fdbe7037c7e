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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\nfile_name,caption\na.wav,a dog\n", "first line is: expected the names of the columns"),
        ("file_name,caption\n", "contains no captions: it has a header, but no rows"),
        ("file_name,caption\n,\n", "no rows"),
        ("file_name,caption\na.wav,a dog, barking\n", "row 1 must .* 3 values for 2 columns; .* comma needs quotes"),
        ('file_name,caption\na.wav,"a dog\nb.wav,rain\n', "quote not closed"),
        ('file_name,caption\na.wav,"a dog\nb.wav,rain"\nc.wav,wind\n', "row 1 .* several lines that look like rows"),
        ('file_name,caption\na.wav,"a dog\nb.wav,"rain"\n', "quote not closed"),
        ("file_name,caption\n,a dog\n", "row 1 has no file name"),
        ("file_name,caption\na.wav," + "x" * 200000 + "\n", "field larger"),
        ("file_name;caption_1\na.wav;a dog, barking\n", "separate them by commas, not by ';'"),
        ("file_name,caption\na\0.wav,x\n", None),
    ],
)
def test_damaged_files_are_errors(tmp_path, text, message):
    path = tmp_path / "train.csv"
    path.write_text(text)
    if message is None:
        read_captions(path)
        return
    with pytest.raises(DatasetError, match=rf"(?s)train\.csv.*{message}"):
        read_captions(path)


def test_captions_of_punctuation_and_empty_rows_are_dropped(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("file_name,caption_1,caption_2\na.wav,.,a dog\nb.wav,!!!,_\n,,\nc.wav,2\n")
    assert read_captions(path) == {"a.wav": ["a dog"], "b.wav": [], "c.wav": ["2"]}
