import csv
import dataclasses
import json
import pathlib

import pytest
import soundfile
from drawn_bells import DrawnBells
from full_disk import full_disk

from aac_tf.datasets import SPLITS, DatasetError
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.corpus import read_scenes
from aac_tf.scenes.script import Script, ScriptedSound
from aac_tf.scenes.scripted_corpus import write_scripted_scenes
from aac_tf.scenes.selection import select_scripts
from aac_tf.utils.atomic import WriteError

SHORT = {"min_seconds": 2.0, "max_seconds": 2.0}
DOG, BELL = ScriptedSound("dog bark"), ScriptedSound("bell", 1, 1)


def scripts(count=120):
    """Scripts of 60 clips, of which every third has a single sound."""
    return [
        Script(f"caption {index}", (DOG,) if index % 3 == 0 else (DOG, BELL), f"clip {index % 60}")
        for index in range(count)
    ]


def rows_of(root, split):
    with open(root / f"captions_{split}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files_of(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus") / "scenes"
    return write_scripted_scenes(root, SyntheticBank(), scripts(), {"train": 12, "validation": None}, 2, **SHORT)


def test_scenes_are_captioned_by_their_scripts(written):
    by_caption = {script.caption: script for script in scripts()}
    for split in ("train", "validation"):
        scenes = read_scenes(written, split)
        rows = rows_of(written, split)
        assert [row["file_name"] for row in rows] == list(scenes)
        for row in rows:
            captions = [row[f"caption_{number}"] for number in range(1, 6) if row[f"caption_{number}"]]
            assert len(set(captions)) == len(captions)
            sounds = {by_caption[caption].sounds for caption in captions}
            assert len(sounds) == 1, "captions of scripts with other sounds"
            events = scenes[row["file_name"]].events
            assert {event.category for event in events} == {sound.category for sound in sounds.pop()}
            info = soundfile.info(written / split / row["file_name"])
            assert (info.format, info.subtype, info.samplerate, info.channels) == ("FLAC", "PCM_16", 16000, 1)
            assert info.duration == scenes[row["file_name"]].seconds == 2.0


def test_events_say_what_to_draw_if_a_sound_stands_in(written, tmp_path):
    root = write_scripted_scenes(tmp_path / "scenes", DrawnBells(), scripts(), {"train": 12}, **SHORT)
    drawn = {(event.category, event.drawn) for scene in read_scenes(root, "train").values() for event in scene.events}
    assert drawn == {("dog bark", ""), ("bell", "Gong")}
    assert "drawn" not in (written / "events.json").read_text()  # as in corpora that are older


def test_captions_of_a_scene_share_a_style(written, tmp_path):
    assert "style" not in rows_of(written, "train")[0]
    styled = [
        dataclasses.replace(script, style=("", "clotho", "audiocaps")[index % 3])
        for index, script in enumerate([Script(f"caption {index}", (DOG,), f"clip {index}") for index in range(60)])
    ]
    style_of = {script.caption: script.style for script in styled}
    root = write_scripted_scenes(tmp_path / "s", SyntheticBank(), styled, {"train": None}, **SHORT)
    rows = rows_of(root, "train")
    assert {row["style"] for row in rows} == {"", "clotho", "audiocaps"}
    for row in rows:
        captions = [row[f"caption_{number}"] for number in range(1, 6)]
        assert {style_of[caption] for caption in captions} == {row["style"]}


def test_no_clip_is_in_two_splits(written):
    clip_of = {script.caption: script.clip for script in scripts()}
    found = select_scripts(scripts(), SyntheticBank())
    clips = [{script.clip for script in found.scripts[split]} for split in SPLITS]
    assert sum(map(len, clips)) == len(set().union(*clips)) == 60
    assert len(clips[0]) > 45
    named = [
        {clip_of[row[f"caption_{n}"]] for row in rows_of(written, split) for n in range(1, 6) if row[f"caption_{n}"]}
        for split in ("train", "validation")
    ]
    assert not named[0] & named[1]


def test_renderings_and_numbers_of_scenes(written):
    first = [row["caption_1"] for row in rows_of(written, "train")]
    assert len(first) == 12
    assert first[:6] == first[6:]
    assert len(set(first)) == 6
    found = select_scripts(scripts(), SyntheticBank())
    assert len(rows_of(written, "validation")) == 2 * len(found.scripts["validation"])
    sounds = files_of(written / "train")
    assert sounds["train_00000.flac"] != sounds["train_00006.flac"]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_files_do_not_depend_on_the_number_of_workers(written, tmp_path, workers):
    counts = {"train": 12, "validation": None}
    root = tmp_path / "again"
    write_scripted_scenes(root, SyntheticBank(), scripts()[::-1], counts, 2, workers=workers, **SHORT)
    assert files_of(root) == files_of(written)


def test_a_complete_corpus_is_kept_and_another_refused(written):
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    counts = {"train": 12, "validation": None}
    write_scripted_scenes(written, SyntheticBank(), scripts(), counts, 2, **SHORT)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before
    with pytest.raises(DatasetError, match="another scenes, scripts; delete"):
        write_scripted_scenes(written, SyntheticBank(), scripts(90), counts, 2, **SHORT)
    with pytest.raises(DatasetError, match="another effects; delete"):
        write_scripted_scenes(written, SyntheticBank(), scripts(), counts, 2, effects=False, **SHORT)


def test_a_corpus_without_effects_is_not_taken_for_one_with_them(written, tmp_path):
    plain = write_scripted_scenes(tmp_path / "s", SyntheticBank(), scripts(), {"train": 1}, effects=False, **SHORT)
    with pytest.raises(DatasetError, match="another effects; delete"):
        write_scripted_scenes(plain, SyntheticBank(), scripts(), {"train": 1}, **SHORT)
    assert not set(files_of(plain / "train").values()) & set(files_of(written / "train").values())


def test_scripts_that_the_bank_cannot_render_are_counted(tmp_path, caplog):
    zither, gong = ScriptedSound("zither"), ScriptedSound("gong")
    more = [Script(f"zither {index}", (DOG, zither), f"z{index}") for index in range(5)]
    more += [Script("zither and gong", (zither, gong), "g")]
    with caplog.at_level("WARNING"):
        root = write_scripted_scenes(
            tmp_path / "s", SyntheticBank(), scripts() + more, {"train": 1}, captions=300, **SHORT
        )
    said = "120 of 300 captions can be composed; most wanted sounds without recordings: zither 6, gong 1"
    assert said in caplog.text
    record = json.loads((root / "scenes.json").read_text())["scripts"]
    assert (record["captions"], record["read"], record["usable"], record["wanted"]) == (
        300,
        126,
        120,
        {"zither": 6, "gong": 1},
    )
    with pytest.raises(DatasetError, match="no script of the split train can be composed"):
        write_scripted_scenes(tmp_path / "t", SyntheticBank(), more, {"train": 1}, **SHORT)


def test_a_limit_on_scripts_with_the_same_sounds():
    found = select_scripts(scripts(), SyntheticBank(), max_alike=7)
    sounds = [script.sounds for script in found.scripts["train"]]
    assert sorted(sounds.count(kind) for kind in set(sounds)) == [7, 7]
    assert len(found.references["train"][(DOG,), ""]) > 7
    assert len(set(found.scripts["train"])) == len(found.scripts["train"])


def test_a_split_without_scripts_is_left_out(tmp_path, caplog):
    one = next(script for script in scripts() if select_scripts([script], SyntheticBank()).scripts["train"])
    with caplog.at_level("WARNING"):
        root = write_scripted_scenes(tmp_path / "s", SyntheticBank(), [one], {"train": 1, "test": None}, **SHORT)
    assert "no script of the split test can be composed, so it is left out" in caplog.text
    assert not (root / "captions_test.csv").exists()


def test_a_folder_that_exists_is_filled(tmp_path, monkeypatch):
    monkeypatch.setattr(pathlib.Path, "rmdir", None)  # a mount point cannot be replaced
    killed = tmp_path / "s" / ".s.unfinished-killed"
    killed.mkdir(parents=True)
    before = (tmp_path / "s").stat().st_ino
    for _ in range(2):
        root = write_scripted_scenes(tmp_path / "s", SyntheticBank(), scripts(), {"train": 2}, **SHORT)
    assert root.stat().st_ino == before
    assert len(files_of(root)) == 5
    assert list(tmp_path.iterdir()) == [root]
    with pytest.raises(DatasetError, match="composed with another"):
        write_scripted_scenes(root, SyntheticBank(), scripts(), {"train": 3}, **SHORT)


def test_after_a_full_disk_the_same_call_continues(tmp_path):
    def compose():
        return write_scripted_scenes(tmp_path / "s", SyntheticBank(), scripts(), {"train": 2}, **SHORT)

    with full_disk(), pytest.raises(WriteError, match=r"cannot write .*s: System error; free some disk space"):
        compose()
    assert not (tmp_path / "s").exists()
    assert len(files_of(compose())) == 5
    assert list(tmp_path.iterdir()) == [tmp_path / "s"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"counts": {"dev": 3}}, "validation"),
        ({"counts": {"train": 0}}, "counts"),
        ({"renderings": 0}, "renderings"),
        ({"min_seconds": 9.0, "max_seconds": 8.0}, "min_seconds"),
    ],
)
def test_arguments_out_of_range(tmp_path, arguments, message):
    with pytest.raises(DatasetError, match=message):
        write_scripted_scenes(tmp_path / "s", SyntheticBank(), scripts(), **{"counts": {"train": 1}, **arguments})
