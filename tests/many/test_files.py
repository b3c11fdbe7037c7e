"""Finding the files of a command line."""

import pytest
import tensorflow as tf

from aac_tf.many import find_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.wav", "a.wav", "deep/er/c.wav", "odd[1].wav", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_each_file_once_and_in_order(folder):
    assert find_files(["b.wav", "./a.wav", "*.wav", "a.wav"]) == ["a.wav", "b.wav", "odd[1].wav"]


def test_patterns_are_recursive_and_match_only_files(folder):
    assert find_files(["**/*.wav"]) == ["a.wav", "b.wav", "deep/er/c.wav", "odd[1].wav"]
    assert find_files(["deep/**", "*.txt"]) == ["deep/er/c.wav", "notes.txt"]


def test_an_existing_file_is_not_taken_as_a_pattern(folder):
    assert find_files(["odd[1].wav"]) == ["odd[1].wav"]


def test_paths_in_lists_are_taken_literally(folder):
    (folder / "list.txt").write_bytes("b.wav\r\n\nmissing.wav\n  blank.wav\n*.wav\n./b.wav\nä\u2028.wav\n".encode())
    assert find_files([], ["list.txt"]) == sorted(["b.wav", "missing.wav", "  blank.wav", "*.wav", "ä\u2028.wav"])


@pytest.mark.parametrize(("patterns", "lists"), [(["*.flac"], []), ([], ["nothing.txt"])])
def test_missing_files_and_lists_are_errors(folder, patterns, lists):
    with pytest.raises(FileNotFoundError, match=r"flac|nothing\.txt"):
        find_files(patterns, lists)


def test_other_file_systems():
    for name in ("y.wav", "x.wav"):
        with tf.io.gfile.GFile(f"ram://sounds/{name}", "wb") as file:
            file.write(b"sound")
    assert find_files(["ram://sounds/*.wav"]) == ["ram://sounds/x.wav", "ram://sounds/y.wav"]
