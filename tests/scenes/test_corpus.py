import contextlib
import csv
import json
import os
import pathlib
import time
import wave

import numpy as np
import pytest

from aac_tf.datasets import DatasetError
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.corpus import read_scenes, write_scenes
from aac_tf.scenes.templates import MAX_WORDS
from aac_tf.utils.locks import LockedError, file_lock

COUNTS = {"train": 12, "validation": 3, "test": 4}


def files_of(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def read_wav(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768, file.getframerate()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus") / "scenes"
    seen = []
    write_scenes(root, SyntheticBank(), COUNTS, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 19) for number in range(1, 20)]
    return root


def test_files_of_a_corpus(written):
    for split, count in COUNTS.items():
        with open(written / f"captions_{split}.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        scenes = read_scenes(written, split)
        assert len(rows) == count
        assert [row["file_name"] for row in rows] == list(scenes)
        assert {path.name for path in (written / split).iterdir()} == set(scenes)
        for row in rows:
            captions = [row[f"caption_{number}"] for number in range(1, 6)]
            assert len(set(captions)) == 5
            assert all(1 < len(caption.split()) <= MAX_WORDS for caption in captions)
            assert all(caption == caption.lower() for caption in captions)
            waveform, rate = read_wav(written / split / row["file_name"])
            scene = scenes[row["file_name"]]
            assert rate == 16000
            assert len(waveform) / rate == pytest.approx(scene.seconds, abs=0.001)
            assert 4.0 <= scene.seconds <= 12.0
            assert np.abs(waveform).max() < 0.99


def test_the_same_arguments_give_the_same_bytes_and_another_seed_other_scenes(written, tmp_path):
    again = write_scenes(tmp_path / "again", SyntheticBank(), COUNTS)
    assert files_of(again) == files_of(written)
    other = write_scenes(tmp_path / "other", SyntheticBank(), {"test": 4}, seed=1)
    assert (other / "events.json").read_text() != (written / "events.json").read_text()
    assert not set(files_of(other / "test").values()) & set(files_of(written / "test").values())


def test_a_complete_corpus_is_kept_and_other_arguments_are_refused(written):
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    assert write_scenes(written, SyntheticBank(), COUNTS) == written
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before
    with pytest.raises(DatasetError, match="another seed, max_events; delete"):
        write_scenes(written, SyntheticBank(), COUNTS, seed=3, max_events=2)
    with pytest.raises(DatasetError, match="another bank"):
        write_scenes(written, SyntheticBank(["rain", "siren", "phone"]), COUNTS)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="choose another folder"):
        write_scenes(tmp_path, SyntheticBank(), {"test": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def interrupted(root, scenes=2, **arguments):
    """The hidden folder of a corpus that was interrupted after so many scenes."""

    def stop(done, total):
        if done == scenes:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scenes(root, SyntheticBank(), {"test": 4}, progress=stop, **arguments)
    assert not (root / "scenes.json").exists()
    (unfinished,) = (root if root.is_dir() else root.parent).glob(f".{root.name}.unfinished-*")
    return unfinished


def cut(path, end=b""):
    path.write_bytes(path.read_bytes()[:-5] + end)


@pytest.mark.parametrize(
    "crash",
    [
        None,
        lambda unfinished: cut(unfinished / "complete.jsonl"),
        lambda unfinished: cut(unfinished / "complete.jsonl", b"\0\0\n"),
        lambda unfinished: next(unfinished.rglob("test_00001.wav")).write_bytes(b""),
        lambda unfinished: next(unfinished.rglob("test_00001.wav")).unlink(),
    ],
    ids=["stopped", "cut list", "damaged list", "empty sound", "lost sound"],
)
def test_an_interrupted_corpus_continues(tmp_path, crash, caplog):
    root, expected, done = tmp_path / "scenes", tmp_path / "expected", []
    unfinished = interrupted(root)
    assert "2 of 4 scenes are kept, and the same command continues after them" in caplog.text
    if crash:
        crash(unfinished)
    write_scenes(root, SyntheticBank(), {"test": 4}, progress=lambda *report: done.append(report))
    assert done == [(number, 4) for number in (range(2, 5) if crash else range(3, 5))]
    write_scenes(expected, SyntheticBank(), {"test": 4})
    assert files_of(root) == files_of(expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected", "scenes"]


def test_the_first_scene_does_not_wait_for_a_list_of_all(tmp_path):
    reports = []

    def stop(*report):
        reports.append(report)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path / "scenes", SyntheticBank(), {"train": 10**12}, progress=stop)
    assert reports == [(1, 10**12)]


def test_an_interrupted_corpus_in_a_folder_that_exists_continues_there(tmp_path):
    root, expected, done = tmp_path / "scenes", tmp_path / "expected", []
    root.mkdir()
    interrupted(root)
    write_scenes(root, SyntheticBank(), {"test": 4}, progress=lambda *report: done.append(report))
    assert done == [(3, 4), (4, 4)]
    write_scenes(expected, SyntheticBank(), {"test": 4})
    assert files_of(root) == files_of(expected)
    assert {path.name for path in root.iterdir()} == {path.name for path in expected.iterdir()}


def test_a_corpus_that_is_being_moved_is_locked_and_continues(tmp_path, monkeypatch):
    root, rename, moved = tmp_path / "scenes", pathlib.Path.rename, []
    root.mkdir()

    def move(path, target):
        if target.parent == root:
            moved.append(target.name)
            (lock,) = root.glob(".*/.lock")
            with pytest.raises(LockedError), file_lock(lock):
                pass
            if len(moved) == 2:
                raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", move)
    with pytest.raises(KeyboardInterrupt):
        write_scenes(root, SyntheticBank(), {"test": 2})
    write_scenes(root, SyntheticBank(), {"test": 2})
    assert moved == ["test", "captions_test.csv", "captions_test.csv", "events.json", "scenes.json"]
    assert sorted(path.name for path in root.iterdir()) == sorted(set(moved))
    assert len(read_scenes(root, "test")) == 2


def test_a_leftover_that_another_process_is_removing_is_no_error(tmp_path):
    (tmp_path / ".scenes.unfinished-other").mkdir()
    (tmp_path / ".scenes.unfinished-other" / "gone.wav").symlink_to(tmp_path / "nothing")
    assert len(read_scenes(write_scenes(tmp_path / "scenes", SyntheticBank(), {"test": 1}), "test")) == 1


def test_another_corpus_does_not_continue_an_interrupted_one(tmp_path):
    unfinished = interrupted(tmp_path / "scenes")
    root = write_scenes(tmp_path / "scenes", SyntheticBank(), {"test": 4}, seed=7)
    expected = write_scenes(tmp_path / "expected", SyntheticBank(), {"test": 4}, seed=7)
    assert files_of(root) == files_of(expected)
    assert unfinished.is_dir(), "it may be continued in another folder's place within an hour"
    assert write_scenes(root, SyntheticBank(), {"test": 4}, seed=7) == root


def test_a_process_waits_for_another_that_composes_the_same(tmp_path, caplog, monkeypatch):
    root = tmp_path / "scenes"
    unfinished = interrupted(root)
    with contextlib.ExitStack() as other:
        other.enter_context(file_lock(unfinished / ".lock"))
        monkeypatch.setattr(time, "sleep", lambda seconds: other.close())
        write_scenes(root, SyntheticBank(), {"test": 4})
    assert f"waiting for process {os.getpid()}, which composes" in caplog.text
    assert len(read_scenes(root, "test")) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"counts": {"test": 0}}, "counts"),
        ({"counts": {"dev": 3}}, "validation"),
        ({"max_events": 4}, "max_events"),
        ({"min_seconds": 9, "max_seconds": 8}, "min_seconds"),
    ],
)
def test_arguments_out_of_range(tmp_path, arguments, message):
    with pytest.raises(DatasetError, match=message):
        write_scenes(tmp_path / "scenes", SyntheticBank(), **{"counts": COUNTS, **arguments})


def test_errors_name_the_splits_that_exist(written, tmp_path):
    with pytest.raises(DatasetError, match="write_scenes"):
        read_scenes(tmp_path, "test")
    only = write_scenes(tmp_path / "only", SyntheticBank(), {"test": 1})
    with pytest.raises(DatasetError, match="no scenes for 'train'; it has test"):
        read_scenes(only, "train")
    record = json.loads((written / "scenes.json").read_text())
    assert record["seed"] == 0
    assert record["bank"]["kind"] == "synthetic"
    assert record["version"]


def test_version_1_of_the_corpus(written):
    """Raise `VERSION` if this must change: a corpus on disk would no longer be that of its arguments."""
    with open(written / "captions_test.csv", newline="", encoding="utf-8") as file:
        first = [row["caption_1"] for row in csv.DictReader(file)]
    assert first == [
        "a car horn honking",
        "a siren wails and then a dog barks and then a helicopter flies",
        "a clock ticks",
        "a helicopter flies after rain falls and then a car horn honks",
    ]
    events = [event for scene in read_scenes(written, "test").values() for event in scene.events]
    assert [event.onset for event in events] == pytest.approx([5.223, 0.721, 5.277, 7.726, 1.083, 0.534, 3.265, 6.054])
    assert [event.offset for event in events] == pytest.approx([5.904, 4.084, 7.237, 9.886, 4.223, 2.941, 5.672, 7.786])
    assert json.loads((written / "scenes.json").read_text())["version"] == 1
