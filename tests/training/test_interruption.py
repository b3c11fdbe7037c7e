"""Runs that are killed, stopped by a signal, or run out of disk space."""

import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.config import load_config
from aac_tf.runs.run import Run, RunError
from aac_tf.training.errors import TrainingError
from aac_tf.training.trainer import train
from aac_tf.utils.interruption import Interrupted, Interruption

WORKER = pathlib.Path(__file__).with_name("train_worker.py")


@pytest.fixture(scope="module")
def options(small):
    """Overrides of a training run with all kinds of state that resuming has to restore."""
    short = ["encoder.layers=1", "audio.hop_length=1024"]  # for speed
    training = ["training.epochs=4", "training.batch_size=4", "training.lr_patience=1"]
    return [*small, *short, "encoder.dropout=0.2", *training]


def start(run, options):
    """Starts a process that trains or resumes a run and records the loss of every step."""
    command = [sys.executable, str(WORKER), str(run), f"{run}.npz", "1", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def losses(run):
    """{(epoch, step): bits of Keras' running loss}; a step that was repeated must have given the same loss."""
    found = {}
    for line in pathlib.Path(f"{run}.npz.losses").read_text().splitlines():
        epoch, step, bits = line.split()
        assert found.setdefault((epoch, step), bits) == bits, (
            f"step {step} of epoch {epoch} gave another loss when it was repeated"
        )
    return found


@pytest.fixture(scope="module")
def uninterrupted(options, tmp_path_factory):
    """An uninterrupted run."""
    run = tmp_path_factory.mktemp("uninterrupted") / "run"
    process = start(run, options)
    assert process.wait(300) == 0, process.stdout.read()
    return run


@pytest.mark.slow
def test_the_training_step_is_traced_once(uninterrupted):
    """Clips and captions of all lengths share one trace; retracing costs seconds per batch."""
    assert set(np.load(f"{uninterrupted}.npz")["traced"]) == {1}


def history(run):
    """The history without the seconds, which differ between runs."""
    return [line.rpartition(",")[0] for line in (run / "history.csv").read_text().splitlines()]


@pytest.mark.slow
def test_a_killed_run_resumes_bit_for_bit(options, uninterrupted, tmp_path):
    run = tmp_path / "run"
    options = [*options, "training.save_minutes=0"]
    process = start(run, options)
    log = pathlib.Path(f"{run}.npz.losses")
    while process.poll() is None and (
        not log.is_file() or log.read_text().count("\n") < 0.6 * len(losses(uninterrupted))
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    process = start(run, options)
    assert process.wait(300) == 0, process.stdout.read()
    assert losses(run).items() <= losses(uninterrupted).items()
    assert (
        len(losses(run)) >= len(losses(uninterrupted)) - 1
    )  # the last step before the kill may be saved, but not recorded
    assert history(run) == history(uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_by_a_signal_saves_first(options, uninterrupted, tmp_path, signum):
    run = tmp_path / "run"
    process = start(run, options)
    log = pathlib.Path(f"{run}.npz.losses")
    while process.poll() is None and (not log.is_file() or log.read_text().count("\n") < 5):
        time.sleep(0.01)
    process.send_signal(signum)
    printed, _ = process.communicate(timeout=30)
    assert f"stopped by {signum.name}; saved after epoch 0 and" in printed, printed[-2000:]
    process = start(run, options)
    assert process.wait(300) == 0, process.stdout.read()
    assert losses(run).items() <= losses(uninterrupted).items()
    # The step during which the signal arrived was saved, but not recorded, and no step was repeated.
    assert len(log.read_text().splitlines()) == len(losses(uninterrupted)) - 1
    assert history(run) == history(uninterrupted)


@pytest.mark.parametrize("rows", ["null", pytest.param("3", marks=pytest.mark.slow)])
def test_ctrl_c_saves_first_and_resume_continues_bit_for_bit(small, tmp_path, rows):
    """With AdamW, a moving average of the weights and a rate that changes at each step; others test plain Adam."""

    class PressCtrlC(tf.keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                signal.raise_signal(signal.SIGINT)

    options = ["encoder.layers=1", "decoder.kind=fixed_vector", "training.epochs=1", "training.batch_size=8"]
    options += ["training.weight_decay=0.1", "training.ema=0.9", f"training.microbatch={rows}"]
    options += ["training.schedule=cosine", "training.warmup_steps=2"]
    attention = ("decoder.embedding", "decoder.attention_units")
    config = load_config(None, [*(text for text in small if not text.startswith(attention)), *options])
    straight, run = Run(tmp_path / "straight"), Run(tmp_path / "run")
    train(config, straight)
    with pytest.raises(Interrupted, match="SIGINT; saved after epoch 0 and 4 steps"):
        train(config, run, callbacks=[PressCtrlC()])
    train(config, run, resume=True)
    assert history(run.folder) == history(straight.folder)
    for folder in ("best", "last"):
        found, expected = (
            tf.train.load_checkpoint(tf.train.latest_checkpoint(str(getattr(r, folder)))) for r in (run, straight)
        )
        names = [
            name
            for name in expected.get_variable_to_shape_map()
            if name.endswith("VARIABLE_VALUE") and "save_counter" not in name
        ]
        assert len(names) > 20
        for name in names:
            np.testing.assert_array_equal(found.get_tensor(name), expected.get_tensor(name), err_msg=name)


def test_the_first_signal_is_deferred_and_the_second_is_not():
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        interruption.hold, interruption.saved = True, "saved all"
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted, match="SIGTERM; saved all"):
            interruption.check()
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.slow
def test_a_full_disk_keeps_the_previous_checkpoint(options, uninterrupted, tmp_path):
    run = Run(tmp_path / "run")
    shutil.copytree(uninterrupted, run.folder)
    before = {path.name for path in run.last.iterdir()}
    longer = load_config(None, [*options, "training.epochs=5"])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Less than a checkpoint, but more than the source code that AutoGraph writes to temporary files.
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises((TrainingError, OSError)) as caught:
            train(longer, run, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "free some disk space and continue with --resume" in str(caught.value)
    assert before <= {path.name for path in run.last.iterdir()}
    assert len(train(longer, run, resume=True)) == 5


def test_two_processes_cannot_train_in_one_folder(options, tmp_path):
    run = Run(tmp_path / "run")
    with run.locked(), pytest.raises(RunError, match=r"process \d+ is training in"):
        train(load_config(None, options), run)
