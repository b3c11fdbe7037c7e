"""The benchmark for GPUs, which most machines cannot run as intended."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def run(*arguments):
    command = [sys.executable, ROOT / "benchmarks" / "gpu.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_the_gpu_benchmark_runs_on_a_cpu_at_small_size(tmp_path):
    """Everything is measured; XLA compiles the training steps and gives the same losses."""
    done = run("--device", "cpu", "--output", tmp_path / "gpu.md")
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "gpu.md").read_text()
    rows = {row.split("|")[1].strip(): row.split("|")[2].strip() for row in text.splitlines() if row.startswith("|")}
    optional = "YAMNet", "PyTorch"
    missing = [name for name, found in rows.items() if found == "-" and not name.endswith(optional)]
    assert not missing, text
    assert float(rows["training step, clotho_logmel"]) > 0
    assert text.count("XLA compiled, loss equals that without XLA") == 2
