"""Presets: the published runs that are installed with the package."""

import os
import pathlib

from aac_tf.runs.errors import RunError
from aac_tf.runs.run import Run

DEFAULT = "everyday"
FOLDER = pathlib.Path(__file__).parents[1] / "presets"
# A folder of further presets, one in each subfolder.
VARIABLE = "AAC_TF_PRESETS"


def preset_names():
    """Returns the names of the presets, sorted: those of the package, and those in the folder $AAC_TF_PRESETS."""
    return sorted(_presets())


def find_preset(name):
    """Returns the run folder of a preset, `pathlib.Path`.

    Raises:
        RunError: if there is no such preset.

    Example:
        >>> from aac_tf.runs.presets import find_preset
        >>> find_preset("silent")
        Traceback (most recent call last):
        ...
        aac_tf.runs.errors.RunError: there is no preset silent; presets: ...
    """
    presets = _presets()
    if name not in presets:
        raise RunError(f"there is no preset {name}; presets: {', '.join(sorted(presets)) or 'none'}")
    return presets[name]


def _presets():
    own = os.environ.get(VARIABLE)
    folders = [FOLDER, *([pathlib.Path(own).expanduser()] if own else [])]
    found = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return {path.name: path for path in found if Run(path).exists}
