"""`aac-caption --timeline`."""

import argparse
import io
import json
import os
import sys
import types

import numpy as np
import pytest
import soundfile

from aac_tf.cli import caption
from aac_tf.cli.caption_timeline import caption_over_time
from aac_tf.cli.console import Console
from aac_tf.inference import Segment

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)
    for name in ("one", "two"):
        sound = np.concatenate([rng.normal(0, 0.1, 32000), np.zeros(32000), rng.normal(0, 0.1, 16000)])
        soundfile.write(folder / f"{name}.wav", sound, 16000)
    return [str(folder / f"{name}.wav") for name in ("one", "two")]


@pytest.fixture
def run(one_run):
    return ["--run", str(one_run.folder), "--beam", "1"]


def test_tables_of_several_recordings_have_one_header(run, recordings, capsys):
    assert caption.main([*run, "--timeline", *recordings]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split("\t") == ["file", "begin", "end", "caption", "confidence"]
    rows = [row.split("\t") for row in rows]
    assert {row[0] for row in rows} == set(recordings)
    assert "" in {row[3] for row in rows}
    assert [float(row[2]) for row in rows if row[0] == recordings[0]][-1] == 5.0


def test_one_file_per_recording(run, recordings, tmp_path, capsys):
    files = [recordings[0], "none.wav", recordings[1]]
    out = tmp_path / "new" / "subtitles"
    assert caption.main([*run, "--timeline", "--format", "srt", "--output", str(out), *files]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "skipped: none.wav: no such file" in captured.err
    assert sorted(path.name for path in out.iterdir()) == ["one.srt", "two.srt"]
    assert (out / "one.srt").read_text().startswith("1\n00:00:00,000 --> ")


def test_json_lines_hold_errors_too(run, recordings, tmp_path, capsys):
    (tmp_path / "bad.wav").write_text("no sound")
    assert caption.main([*run, "--timeline", "--json", str(tmp_path / "bad.wav"), recordings[0]]) == 3
    bad, good = map(json.loads, capsys.readouterr().out.splitlines())
    assert "error" in bad
    assert good["segments"][0]["begin"] == 0
    assert {*good["segments"][0]} == {"begin", "end", "caption", "confidence", "unsure", "sounds"}


@pytest.mark.parametrize("name", ["dög.wav", os.fsdecode(b"d\xffg.wav")], ids=["umlaut", "no character"])
def test_json_is_valid_where_the_name_of_a_recording_cannot_be_written(name, tmp_path, monkeypatch):
    captioner = types.SimpleNamespace(timeline=lambda *arguments, **options: [Segment(0.0, 2.0, "a dog barks")])
    options = argparse.Namespace(files=[name], format="json", output=None, beam=1)
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="latin-1", errors="backslashreplace"))
    assert caption_over_time(options, Console(), captioner, {}) is None
    sys.stdout.flush()
    assert json.loads(printed.getvalue().decode("latin-1"))["file"] == name
    options.output = str(tmp_path)
    assert caption_over_time(options, Console(), captioner, {}) is None
    assert json.loads(next(tmp_path.iterdir()).read_text("utf-8"))["file"] == name


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--format", "srt"], "--format needs --timeline"),
        (["--timeline", "--attention", "x.png"], "without --timeline"),
        (["--timeline", "--run", "everyday"], "a single --run"),
        (["--timeline", "--format", "srt", "more.wav"], "one file per recording"),
        (["--timeline", "--format", "srt", "--json"], "contradict each other"),
        (["--timeline", "--output", "s3://bucket/x"], "s3://bucket/x cannot be written directly"),
        (["--attention", "s3://bucket/x.png"], "s3://bucket/x.png cannot be written directly"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(run, recordings, flags, reason, capsys):
    assert caption.main([*run, *flags, recordings[0]]) == 2
    assert reason in capsys.readouterr().err
