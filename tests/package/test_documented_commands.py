"""The commands in README.md, docs/ and the configs exist, and so do their flags and the keys that they set."""

import importlib
import pathlib
import re
import shlex

import pytest

from aac_tf.__main__ import COMMANDS
from aac_tf.cli import console
from aac_tf.cli.flags import search_overrides
from aac_tf.config import describe_keys, load_config

ROOT = pathlib.Path(__file__).parents[2]
# The commands of the guide on extending the package use parts that its diffs add; tests/trips/ runs those.
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "export/README.md")] + sorted(
    page for page in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("aac_tf/configs/*.yaml")] if page.name != "extending.md"
)
SCRIPTS = {
    "train.py": "train",
    "evaluate.py": "evaluate",
    "caption.py": "caption",
    "export/saved_model.py": "export",
    "export/tflite.py": "export-tflite",
}
KEYS = {key for key, _, _ in describe_keys()}


def documented(text):
    """The command lines in the blocks of a page: indented ones, and fenced ones of no other language."""
    fences = re.compile(r"^```(.*)\n((?:.*\n)*?)^```$", flags=re.MULTILINE)
    fenced = [block for language, block in fences.findall(text) if language in ("", "sh", "bash")]
    prose = fences.sub("", text)
    prose = re.sub("^# ", " " * 4, prose, flags=re.MULTILINE)  # the comments of configs
    indented = re.findall(r"(?:^ {4}.*\n)+", prose, flags=re.MULTILINE)
    for block in [*fenced, *indented]:
        for line in block.replace("\\\n", " ").splitlines():
            yield from line.split(" | ")


def words_of(line):
    """(name of the command, its arguments), or None if a line calls none of ours."""
    line = line.strip()
    if not re.match(r"(python3? |aac-)", line):
        return None
    words = shlex.split(line.replace("…", "..."), comments=True)
    if words[0].startswith("aac-"):
        return words[0].removeprefix("aac-"), words[1:]
    if words[1:3] == ["-m", "aac_tf"]:
        return words[3], words[4:]
    if words[1].endswith(".py"):
        return words[1], words[2:]
    return None


FOUND = [
    pytest.param(name, arguments, id=f"{page.relative_to(ROOT)}: {name} {' '.join(arguments)}"[:150])
    for page in PAGES
    for line in documented(page.read_text(encoding="utf-8"))
    for name, arguments in filter(None, [words_of(line)])
]


def test_commands_are_found():
    assert len(FOUND) > 100


@pytest.mark.parametrize(("name", "arguments"), FOUND)
def test_documented_commands_are_understood(name, arguments, monkeypatch):
    name = SCRIPTS.get(name, name)
    if name.endswith(".py"):
        check_script(name, arguments)
        return
    module = importlib.import_module(f"aac_tf.cli.{COMMANDS[name][0]}")
    if "..." in arguments:  # stands for what the reader adds
        assert_keys_exist(arguments)
        return
    parsed = []
    monkeypatch.setattr(module, "run_command", lambda main, parser, given: parsed.append(console._parse(parser, given)))
    module.main(arguments)
    (options,) = parsed
    overrides = list(getattr(options, "overrides", []))
    if getattr(options, "config", None) is not None:
        load_config(options.config, overrides)
    if getattr(options, "search", None) is not None:
        overrides += search_overrides(options)
    assert_keys_exist([*overrides, *getattr(options, "files", [])])


def check_script(name, arguments):
    """A script exists, and has the flags."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for flag in arguments:
        if flag.startswith("--"):
            assert f'"{flag}"' in text, f"{name} has no {flag}"


def assert_keys_exist(arguments):
    keys = [argument.split("=")[0] for argument in arguments if re.match(r"[a-z]+\.[a-z_]+=", argument)]
    assert set(keys) <= KEYS
