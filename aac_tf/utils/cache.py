"""The folder for downloads and other files that can be recreated."""

import os
import pathlib


def cache_folder():
    """Returns `$AAC_TF_CACHE`, or `~/.cache/aac_tf` if it is not set, as a `pathlib.Path`; it may not exist yet."""
    folder = os.environ.get("AAC_TF_CACHE")
    return pathlib.Path(folder).expanduser() if folder else pathlib.Path.home() / ".cache" / "aac_tf"
