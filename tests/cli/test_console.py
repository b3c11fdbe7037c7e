"""Help pages, errors and exit codes that all commands share."""

import argparse
import errno
import importlib
import json
import os
import subprocess
import sys

import pytest

from aac_tf.cli.caption import _plot_paths
from aac_tf.cli.console import make_parser, run_command
from aac_tf.cli.train import _best_epoch
from aac_tf.config import ConfigError, load_config
from aac_tf.evaluation import MetricError
from aac_tf.training.errors import TrainingError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a key"), 2),
        (FileNotFoundError("a file"), 2),
        (TrainingError("lost contact with worker 1"), 1),
        (MetricError("out of memory"), 1),
        (OSError(errno.ENOSPC, "No space left on device"), 1),
        (KeyError("a bug"), 1),
    ],
)
def test_exit_codes_distinguish_user_errors_from_failures(capsys, error, code):
    def fail(*_):
        raise error

    assert run_command(fail, make_parser(("x.py",), "about", "x.py"), []) == code
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert ("--debug" in printed) == isinstance(error, KeyError)


@pytest.mark.parametrize("name", ["train.py", "aac-train"])
def test_help_names_the_command_that_was_run(monkeypatch, name):
    monkeypatch.setattr(sys, "argv", [f"/usr/bin/{name}"])
    text = make_parser(("train.py", "aac-train"), "about", "train.py --config c.yaml").format_help()
    assert f"usage: {name} " in text
    assert f"{name} --config c.yaml" in text
    assert "skipped" not in text


@pytest.mark.parametrize(
    "arguments", [["a.wav", "--json", "--", "-b.wav", "--c.wav"], ["--json", "a.wav", "--", "-b.wav", "--c.wav"]]
)
def test_what_follows_two_dashes_are_no_flags(arguments):
    found = []
    parser = make_parser(("x.py",), "about", "x.py")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("files", nargs="+")
    assert run_command(lambda options, console: found.extend([options.json, *options.files]), parser, arguments) == 0
    assert found == [True, "a.wav", "-b.wav", "--c.wav"]


SCRIPT = """
import sys
from aac_tf.cli import console
def main(options, console_):
    console_.show("message")
    print("caf\\u00e9", flush=True)
    console.print_json({"file": "caf\\u00e9 \\udcff", "peak": [4.5440000000000005]})
    bar = console_.progress("Working")
    bar(1, 2), bar(2, 2)
    raise ValueError("done")
sys.exit(console.run_command(main, console.make_parser(("x.py",), "about", "x.py"), []))
"""


@pytest.mark.parametrize("redirection", ["", "2>&-", "2>/dev/full", "2> >(exit)", "<&- 2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_closed_streams_and_other_encodings_do_not_end_a_command(tmp_path, redirection, encoding):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = ["bash", "-c", f"exec {sys.executable} {tmp_path / 'script.py'} {redirection}"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 2, done.stderr
    if ">&- " not in f" {redirection}".replace("2>&-", ""):
        first, second = done.stdout.decode(encoding).splitlines()
        assert first == ("caf\u00e9" if encoding == "utf-8" else r"caf\xe9")
        assert json.loads(second) == {"file": "caf\u00e9 \udcff", "peak": [4.544]}
    if not redirection:
        assert done.stderr.splitlines() == [b"message", b"error: done"]


def test_files_of_the_same_name_get_plots_of_their_own(tmp_path):
    new = tmp_path / "new"
    options = argparse.Namespace(attention=new / "out.png", files=["a/1.wav", "b/1.wav", "b/2.wav"])
    assert _plot_paths(options) == [new / "out-1-1.png", new / "out-1-2.png", new / "out-2.png"]
    assert new.is_dir()
    options = argparse.Namespace(attention=new / "out.png", files=["a/x.wav", "b/x.wav", "c/x-1.wav"])
    assert len(set(_plot_paths(options))) == 3


def test_the_reported_best_epoch_is_that_of_the_best_checkpoint():
    rows = [{"epoch": epoch, "val_bleu": value} for epoch, value in ((1, "0.10"), (2, "0.2001"), (3, "0.2004"))]
    assert _best_epoch(load_config(None, ["training.monitor_decimals=3"]), rows)["epoch"] == 2
    assert _best_epoch(load_config(), rows)["epoch"] == 3


def test_libraries_write_nothing_before_the_message_of_a_command(tmp_path):
    program = "import sys; from aac_tf.cli.caption import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "--run", str(tmp_path / "missing"), "a.wav"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")


@pytest.mark.parametrize(
    ("command", "arguments", "hint"),
    [
        ("caption", ["dog.wav", "--timline"], "unrecognized arguments: --timline; did you mean --timeline?"),
        ("train", ["--epochs", "3"], "--epochs; did you mean training.epochs=...?"),
        ("caption", ["dog.wav", "--length-penalty=1"], "; did you mean decoding.length_penalty=...?"),
        ("calibrate", ["--run", "runs/mine"], "unrecognized arguments: --run; give RUN without --run"),
        ("demo", ["--epochs"], "unrecognized arguments: --epochs\n"),
        ("train", ["--nothing-like-it"], "unrecognized arguments: --nothing-like-it\n"),
    ],
)
def test_unknown_flags_are_answered_with_what_was_probably_meant(command, arguments, hint, capsys):
    with pytest.raises(SystemExit) as exit_:
        importlib.import_module(f"aac_tf.cli.{command}").main(arguments)
    assert exit_.value.code == 2
    assert hint in capsys.readouterr().err
