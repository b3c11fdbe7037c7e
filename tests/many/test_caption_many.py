"""The command `aac-caption-many`: every file gets exactly one line."""

import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

pytest.importorskip("apache_beam", reason="needs the extra beam")

from aac_tf.cli.caption_many import main

COMMAND = [sys.executable, "-c", "import sys; from aac_tf.cli.caption_many import main; sys.exit(main())"]


@pytest.fixture
def run(capsys):
    """Function that runs the command; returns its exit code, output and messages."""

    def run(*arguments):
        code = main(list(map(str, arguments)))
        return (code, *capsys.readouterr())

    return run


def pattern(clips):
    return os.path.join(os.path.dirname(min(clips)), "*.*")


def assert_once(lines, clips):
    captions, failed = lines
    assert sorted(line["file"] for line in captions + failed) == sorted(clips)
    assert {line["file"] for line in captions} == {path for path, good in clips.items() if good}
    assert all(line["caption"] and line["log_prob"] < 0 for line in captions)
    assert all(line["error"] for line in failed)


def test_patterns_and_lists_give_one_line_per_file(run, model, clips, read_lines, tmp_path):
    missing = str(tmp_path / "missing.wav")
    (tmp_path / "list.txt").write_text("\n".join([*clips, missing, *list(clips)[:5]]))
    code, out, err = run("--model", model, "--output", tmp_path / "a", pattern(clips), min(clips), "--json")
    assert code == 3, err
    summary = json.loads(out)
    assert (summary["files"], summary["captioned"], summary["failed"]) == (40, 36, 4)
    assert (summary["now"]["captioned"], summary["now"]["failed"]) == (36, 4)
    assert summary["seconds"] == pytest.approx(summary["now"]["milliseconds"] / 1000, abs=0.01)
    captions, failed = read_lines(tmp_path / "a")
    assert_once((captions, failed), clips)
    code, _, err = run("--model", model, "--output", tmp_path / "b", "--list", tmp_path / "list.txt", "--shards", 3)
    assert code == 3, err
    assert_once(read_lines(tmp_path / "b"), {**clips, missing: False})
    assert len(list((tmp_path / "b").glob("captions-*-of-00003.jsonl"))) == 3
    again = {line["file"]: line["caption"] for line in read_lines(tmp_path / "b")[0]}
    assert again == {line["file"]: line["caption"] for line in captions}


def test_the_process_ends_without_tracebacks_of_the_model(model, clips, tmp_path):
    good = [path for path, usable in clips.items() if usable][:2]
    done = subprocess.run(
        [*COMMAND, "--model", str(model), "--output", "out", *good],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.slow
def test_several_processes_share_the_work(run, model, clips, read_lines, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parents[2]))
    processes = ["--", "--direct_running_mode", "multi_processing", "--direct_num_workers", "2"]
    code, out, err = run("--model", model, "--output", tmp_path, "--shards", 8, "--json", pattern(clips), *processes)
    assert code == 3, err
    assert json.loads(out)["now"]["captioned"] == 36
    assert_once(read_lines(tmp_path), clips)


@pytest.mark.slow
def test_a_killed_job_continues(run, model, clips, read_lines, tmp_path):
    output = tmp_path / "out"
    arguments = ["--model", model, "--output", output, "--shards", "20", "--batch-size", "1", "--json", pattern(clips)]
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], env=environment)
    deadline = time.monotonic() + 300
    while len(list(output.glob("captions-*"))) < 5:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in output.glob("captions-*")}
    assert 5 <= len(before) < 20
    assert not (output / "summary.json").exists()
    code, out, err = run(*arguments)
    assert code == 3, err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    summary = json.loads(out)
    assert summary["captioned"] == 36
    assert 0 < summary["now"]["captioned"] + summary["now"]["failed"] <= 40 - 2 * len(before)
    assert_once(read_lines(output), clips)
    assert not (output / "unfinished").exists()


def test_a_run_is_exported_once(run, one_run, clips, tmp_path, monkeypatch):
    files = [path for path, valid in clips.items() if valid][:3]
    arguments = ["--run", str(one_run.folder), "--output", str(tmp_path / "out"), "--json", *files]
    code, out, err = run(*arguments)
    assert code == 0, err
    assert json.loads(out)["captioned"] == 3
    monkeypatch.delattr("aac_tf.export.cached.export_saved_model")
    code, out, err = run(*arguments)  # the same model, so that the job goes on
    assert code == 0, err
    assert (json.loads(out)["captioned"], json.loads(out)["now"]["captioned"]) == (3, 0)


def test_captions_of_another_job_are_not_overwritten(run, model, clips, tmp_path):
    good = [path for path, good in clips.items() if good]
    assert run("--model", model, "--output", tmp_path / "out", *good[:2])[0] == 0
    code, _, err = run("--model", model, "--output", tmp_path / "out", *good[:3])
    assert code == 2
    assert "holds captions of another job" in err
    assert "--overwrite" in err


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert "example:\n  aac-caption-many --model models/captioner" in out


def test_timelines_of_a_collection(run, model, clips, read_lines, tmp_path):
    few = sorted(clips)[:4]
    code, _, err = run("--model", model, "--output", tmp_path, "--timeline", *few)
    assert code in (0, 3), err
    captions, failed = read_lines(tmp_path)
    assert {line["file"] for line in captions} == {path for path in few if clips[path]}
    assert len(captions) + len(failed) == 4
    for line in captions:
        segments = line["segments"]
        assert segments[0]["begin"] == 0
        assert segments[-1]["end"] == pytest.approx(line["seconds"], abs=0.01)
        assert {*segments[0]} == {"begin", "end", "caption", "log_prob"}
    code, _, err = run("--model", model, "--output", tmp_path, *few)
    assert code == 2
    assert "another job" in err
    # Nothing is captioned again.
    code, out, _ = run("--model", model, "--output", tmp_path, "--timeline", "--json", *few)
    assert json.loads(out)["now"]["captioned"] == 0
