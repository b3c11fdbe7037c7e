"""The same training on one device, on two devices and on two workers."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from aac_tf.config import ConfigError
from aac_tf.training.strategy import build_strategy

WORKER = pathlib.Path(__file__).with_name("train_worker.py")


@pytest.fixture(scope="module")
def options(small):
    """Overrides of a short training run, with an odd batch size that two replicas cannot share evenly.

    The learning rate is low, as Adam turns gradients that are only rounding errors into steps of full size.
    """
    options = ["audio.normalize=true", "training.epochs=1", "training.batch_size=3", "training.learning_rate=1e-3"]
    recipe = ["training.ema=0.9", "training.weight_decay=0.01", "training.schedule=cosine", "training.warmup_steps=3"]
    return [*small, *options, *recipe]


def start(run, out, options, devices=1, cluster=None, index=0):
    """Starts a process that trains."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    environment.pop("TF_CONFIG", None)
    if cluster:
        task = {"type": "worker", "index": index}
        environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": cluster}, "task": task})
    return subprocess.Popen(
        [sys.executable, str(WORKER), str(run), str(out), str(devices), *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes):
    """Waits for processes, fails if one failed, and returns their output."""
    printed = [process.communicate(timeout=600)[0] for process in processes]
    for process, text in zip(processes, printed):
        assert process.returncode == 0, text[-3000:]
    return printed


def free_addresses(count):
    """Free addresses of this machine."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    addresses = [f"localhost:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return addresses


def assert_same(found, expected, skip=()):
    """Checks that losses and weights of two runs agree to 1e-5."""
    assert len(expected["losses"]) >= 20
    assert set(found.files) == set(expected.files)
    for name in set(expected.files) - set(skip):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5, rtol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def on_one_device(options, tmp_path_factory):
    out = tmp_path_factory.mktemp("one")
    finish(start(out / "run", out / "out.npz", [*options, "training.strategy=one"]))
    return np.load(out / "out.npz")


@pytest.mark.slow
@pytest.mark.parametrize("further", [[], ["training.microbatch=1"]])
def test_two_devices_train_like_one(options, on_one_device, tmp_path, further):
    """Also if each computes its gradients in parts."""
    several = [*options, "training.strategy=mirrored", *further]
    finish(start(tmp_path / "run", tmp_path / "out.npz", several, devices=2))
    assert_same(np.load(tmp_path / "out.npz"), on_one_device)


@pytest.mark.slow
def test_two_workers_train_like_one_and_only_the_first_writes(options, on_one_device, tmp_path):
    cluster = free_addresses(2)
    finish(*(start(tmp_path / "run", tmp_path / f"{k}.npz", options, 1, cluster, k) for k in range(2)))
    assert_same(np.load(tmp_path / "0.npz"), on_one_device, skip=["losses"])  # which are running means here
    assert (tmp_path / "run" / "history.csv").read_text().count("\n") == 2
    assert not np.load(tmp_path / "1.npz")["losses"].size  # only the first worker runs callbacks


@pytest.mark.slow
def test_a_killed_worker_ends_the_others_and_the_run_resumes(options, on_one_device, tmp_path):
    several = [*options, "training.epochs=60"]
    cluster = free_addresses(2)
    first, second = (start(tmp_path / "run", tmp_path / f"{k}.npz", several, 1, cluster, k) for k in range(2))
    history = tmp_path / "run" / "history.csv"
    deadline = time.monotonic() + 300
    while not history.is_file() and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    second.send_signal(signal.SIGKILL)
    printed, _ = first.communicate(timeout=300)
    second.communicate()
    assert first.returncode != 0
    assert "lost contact with another worker" in printed, printed[-3000:]
    done = history.read_text().count("\n") - 1
    cluster, longer = free_addresses(2), [*options, f"training.epochs={done + 1}"]
    finish(*(start(tmp_path / "run", tmp_path / f"{k}.npz", longer, 1, cluster, k) for k in range(2)))
    assert history.read_text().count("\n") - 1 == done + 1


def test_missing_hardware_is_an_error(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="TF_CONFIG"):
        build_strategy("multiworker")
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(ConfigError, match="TF_CONFIG"):
        build_strategy("multiworker")
    monkeypatch.delenv("TF_CONFIG")
    with pytest.raises(ConfigError, match="no TPU"):
        build_strategy("tpu")
    assert build_strategy("auto").num_replicas_in_sync == 1
