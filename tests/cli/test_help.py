"""The help pages of all commands."""

import importlib
import pathlib
import re
import subprocess
import sys

import pytest

from aac_tf.__main__ import COMMANDS as COMMANDS_OF_MAIN
from aac_tf.__main__ import main

COMMANDS = [module for module, _ in COMMANDS_OF_MAIN.values()]
SETUP = pathlib.Path(__file__).parents[2] / "setup.cfg"


@pytest.fixture(autouse=True)
def narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def help_page(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        importlib.import_module(f"aac_tf.cli.{command}").main(["--help"])
    assert exit_.value.code == 0
    return capsys.readouterr().out


def help_of(flag, page):
    """The help text of a flag, or None."""
    (options,) = [part for part in page.split("\n\n") if part.startswith(("options:", "optional arguments:"))]
    texts = [" ".join(text.split()) for text in options.split("\n  -")]
    return next((text for text in texts if text.startswith(f"{flag[1:]} ")), None)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_exit_codes(command, capsys):
    page = help_page(command, capsys)
    assert "\n\nexample:\n  " in page
    assert "\n\nexit codes: 0 done; " in page
    assert max(map(len, page.split("example:")[0].splitlines())) <= 80


@pytest.mark.parametrize("flag", ["--debug", "--config", "--beam", "--search"])
def test_flags_have_the_same_help_in_all_commands(flag, capsys):
    texts = [help_of(flag, help_page(command, capsys)) for command in COMMANDS]
    assert len({text for text in texts if text}) == 1
    assert sum(text is not None for text in texts) >= 2


def test_help_does_not_import_tensorflow():
    code = """
import contextlib, importlib, io, sys
for command in sys.argv[1:]:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        importlib.import_module(f"aac_tf.cli.{command}").main(["--help"])
sys.exit("tensorflow" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code, *COMMANDS], check=False).returncode == 0


def test_all_commands_are_under_one_name(capsys):
    installed = re.findall(r"^ *aac-([\w-]+) = aac_tf\.cli\.(\w+):main$", SETUP.read_text(), re.MULTILINE)
    assert dict(installed) == {name: module for name, (module, _) in COMMANDS_OF_MAIN.items()}
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    assert all(f"\n  {name} " in page for name in COMMANDS_OF_MAIN)
    assert main(["captoin"]) == 2
    assert "unknown command captoin; did you mean caption?" in capsys.readouterr().err
    assert main(["nothing-like-it"]) == 2
    assert "unknown command nothing-like-it\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS_OF_MAIN)
def test_a_command_under_the_common_name_is_the_installed_one(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["__main__.py"])
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert f"usage: aac-{name} " in capsys.readouterr().out
