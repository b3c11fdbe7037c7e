"""A few hundred mutated inputs; `python -m fuzz` takes more."""

import os
import pathlib
import random
import subprocess
import sys

import pytest

from aac_tf.errors import AacError
from fuzz.__main__ import fuzz_target
from fuzz.mutations import mutate
from fuzz.targets import TARGETS

TESTS = pathlib.Path(__file__).parents[1]


def test_mutations_are_reproducible():
    for is_text in (False, True):
        found = [[mutate(b"RIFF" * 100, random.Random(seed), is_text) for seed in range(200)] for _ in range(2)]
        assert found[0] == found[1]
        assert len(set(found[0])) > 150


def test_other_exceptions_are_failures(monkeypatch, tmp_path, capsys):
    def target(folder, rng):
        yield "good", lambda: None
        yield "refused", lambda: (_ for _ in ()).throw(AacError("no"))
        yield "broken", lambda: {}["key"]

    monkeypatch.setenv("FUZZ_LOG", str(tmp_path / "log"))
    monkeypatch.setitem(TARGETS, "target", target)
    assert not fuzz_target("target", 2, 0)
    assert fuzz_target("target", 3, 0)
    out = capsys.readouterr().out
    assert "input 2: broken" in out
    assert "KeyError: 'key'" in out
    assert "3 inputs, 1 used, 1 failed" in out


@pytest.mark.slow
def test_each_of_many_files_is_accounted_for():
    pytest.importorskip("apache_beam", reason="needs the extra beam")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    command = [sys.executable, "-m", "fuzz.many_files", "--files", "120"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["audio", "waveforms", "csv", "config", "weights", "served"])
def test_every_input_is_used_or_refused(target):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    command = [sys.executable, "-m", "fuzz", "--targets", target, "--inputs", "60"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
