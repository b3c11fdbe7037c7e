"""The Dockerfile agrees with the package that it installs; building it takes a Docker daemon."""

import configparser
import fnmatch
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_its_python_and_extras_exist(setup):
    (python,) = re.findall(r"^ARG PYTHON=(\S+)", DOCKERFILE, re.MULTILINE)
    assert f"Programming Language :: Python :: {python}" in setup["metadata"]["classifiers"]
    extras = ",".join(re.findall(r"EXTRAS=([\w,]+)", DOCKERFILE)).split(",")
    assert "cuda" in extras
    assert set(extras) <= set(setup["options.extras_require"])


def test_what_is_copied_exists_and_is_not_ignored():
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    copied = [name for line in lines for name in line.split()]
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert "setup.cfg" in copied
    for name in copied:
        assert (ROOT / name).exists()
        ignored = False
        for rule in rules:  # the last one that matches counts
            if fnmatch.fnmatch(name, rule.removeprefix("!")):
                ignored = not rule.startswith("!")
        assert not ignored, f"{name} is not in the build"
    # setuptools reads these to build the package.
    assert {pathlib.Path(name).name for name in ("README.md", "LICENSE", "pyproject.toml")} <= set(copied)


def test_its_commands_are_those_of_the_package():
    from aac_tf.__main__ import COMMANDS

    used = re.findall(r"^#   docker run .* aac_tf(?::gpu)? ([\w-]+)", DOCKERFILE, re.MULTILINE)
    assert used
    assert set(used) <= set(COMMANDS)
