"""`aac-caption` with files that do not exist."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aac_tf.cli import caption
from aac_tf.cli.checks import missing_files
from aac_tf.runs import fetch
from aac_tf.runs.fetch import find_run


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 16000), 16000)
    return str(path)


def test_missing_files_are_reported_first_and_the_others_are_captioned(one_run, recording, tmp_path, capsys):
    files = [str(tmp_path / "none.wav"), recording, str(tmp_path), f"{recording}/part.wav"]
    assert caption.main(["--run", str(one_run.folder), "--json", *files]) == 3
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert [line["file"] for line in lines] == files
    folder = f"a directory, not a file: give its files, such as {tmp_path}/*.wav"
    reasons = ["no such file", None, folder, "no such file"]
    assert [line.get("error") for line in lines] == reasons
    told = captured.err.splitlines()
    assert told[:3] == [f"skipped: {path}: {reason}" for path, reason in zip(files, reasons) if reason]
    assert " was trained on " in told[3]
    assert told[-1] == "3 of 4 files skipped"


def test_what_to_write_for_a_folder_or_a_quoted_pattern(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "meine Töne").mkdir()
    (tmp_path / "empty").mkdir()
    for name in ("1.flac", "2.flac", "3.wav", "a.txt", "b.txt", "c.txt"):
        (tmp_path / "meine Töne" / name).touch()
    reasons = missing_files(["meine Töne/", "empty", "meine Töne/*.flac", "meine Töne/*.mp3", "meine Töne/1.flac"])
    assert reasons == {
        "meine Töne/": "a directory, not a file: give its files, such as 'meine Töne'/*.flac",
        "empty": "a directory, not a file: give its files, such as empty/*.wav",
        "meine Töne/*.flac": "no such file; it is a pattern of files: leave its wildcards outside quotes",
        "meine Töne/*.mp3": "no such file",
    }


def test_each_run_is_found_once(one_run, recording, monkeypatch):
    asked = []
    monkeypatch.setattr(fetch, "find_run", lambda name: asked.append(name) or find_run(name))
    folder = str(one_run.folder)
    assert caption.main(["--run", folder, recording]) == 0
    assert asked == [folder]
    assert caption.main(["--run", folder, "--rerank", folder, recording]) == 0
    assert asked == [folder] * 3


def test_without_any_file_tensorflow_is_not_imported(one_run, tmp_path):
    code = "import sys; from aac_tf.cli.caption import main; sys.exit(main() + 10 * ('tensorflow' in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, "--run", str(one_run.folder), "none.wav", "none.wav"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["skipped: none.wav: no such file"] * 2 + ["2 of 2 files skipped"]


@pytest.mark.parametrize(
    ("seconds", "damaged", "skipped"), [([10, 90], False, True), ([60, 70], False, False), ([10], True, False)]
)
def test_the_graph_is_optimized_unless_sounds_are_known_to_be_brief(seconds, damaged, skipped, tmp_path):
    paths = [str(tmp_path / f"{number}.wav") for number in range(len(seconds))]
    for path, length in zip(paths, seconds):
        soundfile.write(path, np.zeros(8000 * length), 8000)
    if damaged:
        (tmp_path / "0.wav").write_bytes(b"not a sound")
    assert caption._are_brief(paths) is skipped
    assert not caption._are_brief([*paths, "-"])


@pytest.mark.parametrize("name", ["sound.raw", os.fsdecode(b"d\xffg.wav")], ids=["raw", "no text"])
def test_a_name_that_soundfile_does_not_take_is_not_known_to_be_brief(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(1000))
    assert not caption._are_brief([str(tmp_path / name)])


def test_brief_sounds_leave_the_graph_optimizer_as_it_was(one_run, recording, monkeypatch):
    options, seen = tf.config.optimizer.get_experimental_options, []
    opened = caption._open
    monkeypatch.setattr(caption, "_open", lambda *runs: seen.append(options()) or opened(*runs))
    before = options()
    assert caption.main(["--run", str(one_run.folder), str(recording)]) == 0
    assert [one["disable_meta_optimizer"] for one in seen] == [True]
    assert options().get("disable_meta_optimizer", False) == before.get("disable_meta_optimizer", False)
