"""Fixtures shared by all tests."""

import os
import pathlib

import pytest

import aac_tf  # noqa: F401 - selects the Keras that every test must use, before TensorFlow is imported


@pytest.fixture(scope="session")
def real_data():
    """Folder of real recordings, from $AAC_TF_DATA or ../shared/data beside the checkout; skips where there is none."""
    default = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = pathlib.Path(os.environ.get("AAC_TF_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"no real recordings: set AAC_TF_DATA to a folder that has them (looked in {folder})")
    return folder
