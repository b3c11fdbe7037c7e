"""The examples in docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import aac_tf

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# Modules that import an optional library.
OPTIONAL = {
    "aac_tf.many.embeddings": "apache_beam",
    "aac_tf.many.pipeline": "apache_beam",
    "aac_tf.page.layout": "gradio",
}
MODULES = sorted(module.name for module in pkgutil.walk_packages(aac_tf.__path__, "aac_tf."))


@pytest.mark.parametrize("name", ["aac_tf", *MODULES])
def test_examples_run(name, monkeypatch):
    for variable in ("AAC_TF_YAMNET", "AAC_TF_AST"):  # examples show what happens without local copies
        monkeypatch.delenv(variable, raising=False)
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    found = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert not found.failed, f"{found.failed} of {found.attempted} examples failed, see the output"


def test_public_classes_have_examples():
    """Guards the test above: examples are found at all."""
    finder = doctest.DocTestFinder()
    modules = (importlib.import_module(name) for name in MODULES if name.startswith("aac_tf.models."))
    assert sum(len(test.examples) for module in modules for test in finder.find(module)) > 20
