"""Fixtures shared by all tests."""

import gc
import os
import pathlib

import pytest

import aac_tf  # noqa: F401 - selects the Keras that every test must use, before TensorFlow is imported


def pytest_collection_modifyitems(items):
    """Runs the tests that share trained runs first: pytest-xdist moves the last tests between its processes.

    A process that gets tests from another one would train the run once more.
    """
    items.sort(key=lambda item: item.path.parent.name != "training")


def pytest_collection_finish():
    """Keeps the garbage collector from looking through all libraries again and again."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_process(tmp_path_factory):
    """Gives tests a cache folder that is not shared with other processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AAC_TF_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def real_data():
    """Folder of real recordings, from $AAC_TF_DATA or ../shared/data beside the checkout; skips where there is none."""
    default = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = pathlib.Path(os.environ.get("AAC_TF_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"no real recordings: set AAC_TF_DATA to a folder that has them (looked in {folder})")
    return folder


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory):
    """{kind: `SmallRun`}: runs with random weights, which need no training."""
    from small_runs import KINDS, SmallRun  # imports TensorFlow

    return {kind: SmallRun(tmp_path_factory.mktemp("small_run"), kind) for kind in KINDS}


@pytest.fixture(scope="session")
def one_run(small_runs):
    """The `SmallRun` of tests that need only one kind: attention, M = 4, 16 kHz, beam search."""
    return small_runs["attention, M = 4"]


@pytest.fixture(scope="session")
def one_captioner(one_run):
    return one_run.captioner


@pytest.fixture(scope="session")
def one_model(one_run):
    """Folder of the only version of its exported model."""
    return one_run.model


@pytest.fixture(scope="session")
def one_loaded(one_run):
    """The exported model, loaded."""
    return one_run.loaded


@pytest.fixture(scope="session")
def plain_tensorflow():
    """`PlainTensorFlow`: runs programs in a process that has only TensorFlow."""
    from plain_tensorflow import PlainTensorFlow

    process = PlainTensorFlow()
    yield process
    process.close()
