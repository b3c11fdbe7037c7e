"""The folder for downloads and other files that can be recreated."""

import os
import pathlib

from aac_tf.errors import AacError


class CacheError(AacError, OSError):
    """There is no folder for the cache."""


def cache_folder():
    """Returns `$AAC_TF_CACHE`, or `~/.cache/aac_tf` if it is not set, as a `pathlib.Path`; it may not exist yet.

    Raises:
        CacheError: if the user has no home folder, as in a container or a service, or `~NAME` is unknown.
    """
    folder = os.environ.get("AAC_TF_CACHE") or "~/.cache/aac_tf"
    try:
        return pathlib.Path(folder).expanduser()
    except RuntimeError as error:
        raise CacheError(f"{folder} has no home folder: set AAC_TF_CACHE to a folder for the cache") from error
