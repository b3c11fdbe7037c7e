"""Where downloads and other things that can be made again are kept."""

import os
import pathlib


def cache_folder():
    """The folder `$AAC_TF_CACHE`, or else `~/.cache/aac_tf`, a `pathlib.Path`; it may not be there yet."""
    named = os.environ.get("AAC_TF_CACHE")
    return pathlib.Path(named).expanduser() if named else pathlib.Path.home() / ".cache" / "aac_tf"
