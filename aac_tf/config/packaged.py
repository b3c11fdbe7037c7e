"""The experiment configs that are installed with the package."""

import pathlib

from aac_tf.config.errors import ConfigError

FOLDER = pathlib.Path(__file__).parents[1] / "configs"


def config_names():
    """Returns the names of the packaged configs, sorted; `find_config` accepts them instead of a path.

    Example:
        >>> from aac_tf.config.packaged import config_names
        >>> config_names()[:4]
        ['clotho_ast', 'clotho_ast_strong', 'clotho_logmel', 'clotho_logmel_strong']
    """
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find_config(name):
    """Finds the file of a config.

    Args:
        name: path of a YAML file; if there is no such file, the name of a packaged config, as `demo` or
            `configs/demo.yaml`.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        ConfigError: if there is neither a file nor a packaged config.

    Example:
        >>> from aac_tf.config.packaged import find_config
        >>> find_config("demo").name
        'demo.yaml'
    """
    path = pathlib.Path(name)
    if path.is_file():
        return path
    packaged = FOLDER / f"{path.stem}.yaml"
    if path in (pathlib.Path(path.stem), pathlib.Path("configs", packaged.name)) and packaged.is_file():
        return packaged
    problem = "it is a folder" if path.is_dir() else f"no such file; packaged configs: {', '.join(config_names())}"
    raise ConfigError(f"cannot read the config {path}: {problem}")
