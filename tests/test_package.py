"""The package as it is imported."""

import os
import subprocess
import sys

import pytest


def run(program, **environment):
    clean = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    return subprocess.run([sys.executable, "-c", program], env={**clean, **environment}, capture_output=True, text=True)


def test_importing_it_does_not_wait_for_tensorflow():
    assert run("import aac_tf, sys; assert 'tensorflow' not in sys.modules").returncode == 0


def test_selects_the_keras_that_the_libraries_share():
    assert run("import aac_tf, tensorflow as tf; assert 'tf_keras' in tf.keras.layers.Layer.__module__").returncode == 0


@pytest.mark.parametrize(
    ("program", "environment", "message"),
    [
        ("import tensorflow, aac_tf", {}, "import aac_tf before tensorflow"),
        ("import aac_tf", {"TF_USE_LEGACY_KERAS": "0"}, "needs TF_USE_LEGACY_KERAS=1"),
    ],
)
def test_two_kinds_of_keras_are_refused(program, environment, message):
    result = run(program, **environment)
    assert result.returncode != 0
    assert message in result.stderr
