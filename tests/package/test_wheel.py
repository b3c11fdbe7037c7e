"""The wheel and the sdist, built, installed, and used in an empty folder."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile

import numpy as np
import pytest
import soundfile

import aac_tf

ROOT = pathlib.Path(__file__).parents[2]
BUILT_FROM = ["setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"]
PRESET = ["README.md", "config.yaml", "scores.json", "vocabulary.txt", "weights.safetensors"]

pytestmark = pytest.mark.slow


def run(*command, **options):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Folder with the sdist, and with the wheel that was built from it."""
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "aac_tf", source / "aac_tf", ignore=shutil.ignore_patterns("__pycache__"))
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, source)
    (source / "aac_tf" / "presets" / "of_the_test").mkdir(parents=True)
    for name in PRESET:
        (source / "aac_tf" / "presets" / "of_the_test" / name).write_text(name)
    folder = tmp_path_factory.mktemp("dist")
    # Without isolation, which would download setuptools.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source)
    return folder


@pytest.fixture(scope="module")
def commands(dist, tmp_path_factory):
    """{command: path} of an environment that has the wheel, and the libraries of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    scripts, site = pathlib.Path(paths["scripts"]), pathlib.Path(paths["purelib"])
    (wheel,) = dist.glob("*.whl")
    run(sys.executable, "-m", "pip", f"--python={folder}", "install", "--no-deps", "--no-index", wheel)
    (site / "libraries.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    return {path.stem: path for path in scripts.glob("aac-*")}


def empty(folder):
    """Options of `run`: an empty folder, where the checkout cannot be imported."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {"cwd": folder, "env": {**environment, "AAC_TF_CACHE": str(folder / "cache")}}


def test_wheel_and_sdist_hold_the_whole_package(dist):
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "aac_tf").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    files |= {f"aac_tf/presets/of_the_test/{name}" for name in PRESET}
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == files
    with tarfile.open(sdist) as archive:
        packed = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert files | set(BUILT_FROM) <= packed


def test_every_command_answers_help(commands, tmp_path):
    assert {"aac-train", "aac-evaluate", "aac-caption"} <= commands.keys()
    for command, path in commands.items():
        assert f"usage: {command}" in run(path, "--help", **empty(tmp_path))


def test_installed_is_the_wheel(commands, tmp_path):
    python = commands["aac-train"].with_name("python")
    where = run(python, "-c", "import aac_tf; print(aac_tf.__version__, aac_tf.__file__)", **empty(tmp_path))
    version, _, file = where.strip().partition(" ")
    assert version == aac_tf.__version__
    assert not pathlib.Path(file).is_relative_to(ROOT)


@pytest.mark.parametrize("config", ["demo", "configs/demo.yaml"])
def test_commands_find_their_configs(commands, tmp_path, config):
    (tmp_path / "clips.csv").write_text("file_name,caption_1,split\nx.wav,a dog barks,train\n")
    soundfile.write(tmp_path / "x.wav", np.ones(16000) * 0.1, 16000)
    data = ["data.source=manifest", f"data.root={tmp_path / 'clips.csv'}", "vocabulary.min_count=1"]
    described = run(commands["aac-train"], "--config", config, "--describe", "--json", *data, **empty(tmp_path))
    assert json.loads(described)["name"] == "demo"
