"""The package as it is imported."""

import importlib
import os
import pkgutil
import platform
import subprocess
import sys

import pytest

import aac_tf

# Libraries of extras, which users may do without.
OPTIONAL = {"apache_beam", "gradio"}
MODULES = ["aac_tf", *sorted(module.name for module in pkgutil.walk_packages(aac_tf.__path__, "aac_tf."))]


def run(program, **environment):
    chosen = ("TF_USE_LEGACY_KERAS", "TF_ENABLE_ONEDNN_OPTS")
    clean = {key: value for key, value in os.environ.items() if key not in chosen}
    return subprocess.run([sys.executable, "-c", program], env={**clean, **environment}, capture_output=True, text=True)


def test_does_not_import_tensorflow():
    assert run("import aac_tf, sys; assert 'tensorflow' not in sys.modules").returncode == 0


def test_selects_the_keras_that_the_libraries_share():
    assert run("import aac_tf, tensorflow as tf; assert 'tf_keras' in tf.keras.layers.Layer.__module__").returncode == 0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN is chosen on x86-64 only")
@pytest.mark.parametrize(("environment", "enabled"), [({}, True), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, False)])
def test_uses_onednn_unless_told_otherwise(environment, enabled):
    program = "import aac_tf; from tensorflow.python.util import _pywrap_util_port as port; print(port.IsMklEnabled())"
    assert run(program, **environment).stdout.strip() == str(enabled)


def test_imports_its_libraries_without_warnings():
    # One that is shown by default, as those of category UserWarning are.
    result = run("import aac_tf.build, aac_tf.inference.captioner", TF_CPP_MIN_LOG_LEVEL="3")
    assert result.returncode == 0
    assert "Warning" not in result.stderr


@pytest.mark.parametrize(
    ("program", "environment", "message"),
    [
        ("import tensorflow, aac_tf", {}, "import aac_tf before tensorflow"),
        ("import aac_tf", {"TF_USE_LEGACY_KERAS": "0"}, "needs TF_USE_LEGACY_KERAS=1"),
    ],
)
def test_refuses_another_keras(program, environment, message):
    result = run(program, **environment)
    assert result.returncode != 0
    assert message in result.stderr


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in OPTIONAL:
            raise
        return
    for public in getattr(module, "__all__", ()):
        assert getattr(module, public) is not None


@pytest.mark.parametrize("name", ["aac_tf", "aac_tf.embeddings"])
def test_unknown_names_raise_attribute_errors(name):
    module = importlib.import_module(name)
    with pytest.raises(AttributeError, match="no attribute 'captioner_of_cats'"):
        module.captioner_of_cats  # noqa: B018
